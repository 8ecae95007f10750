package hosted

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

//go:embed lang/*.txt
var languageFiles embed.FS

// LanguageCookie is the name of the cookie that [Language] reads.
const LanguageCookie = "lang"

// tags are the languages, the first of which is for people who ask for another.
var tags = []string{"en", "ar", "de", "es", "fr", "id", "it", "ja", "ko", "nl", "pt-BR", "zh-CN", "zh-TW"}

// Languages returns the tags of all languages that pages speak.
func Languages() []string { return append([]string(nil), tags...) }

var matcher = func() language.Matcher {
	parsed := make([]language.Tag, len(tags))
	for i, t := range tags {
		parsed[i] = language.MustParse(t)
	}
	return language.NewMatcher(parsed)
}()

// Language returns the tag of the language for a request: what the parameter lang asks for, else
// ui_locales, else the cookie of [LanguageCookie], else the header Accept-Language. What is not spoken
// is passed over.
func Language(r *http.Request) string {
	query := r.URL.Query()
	asked := []string{query.Get("lang"), strings.ReplaceAll(query.Get("ui_locales"), " ", ",")}
	if c, err := r.Cookie(LanguageCookie); err == nil {
		asked = append(asked, c.Value)
	}
	for _, a := range append(asked, r.Header.Get("Accept-Language")) {
		if tag, ok := spoken(a); ok {
			return tag
		}
	}
	return tags[0]
}

// maxAsked bounds what is parsed of a list of languages.
const maxAsked = 200

// A weighted tag is an element of Accept-Language.
type weighted struct {
	tag     language.Tag
	quality float32
}

// spoken finds the best of a list in the form of Accept-Language.
func spoken(list string) (string, bool) {
	if list == "" || len(list) > maxAsked {
		return "", false
	}
	var wanted []weighted
	for part := range strings.SplitSeq(list, ",") {
		// One by one, because a tag that nobody knows must not hide the others.
		if t, q, err := language.ParseAcceptLanguage(part); err == nil && len(t) == 1 && q[0] > 0 {
			wanted = append(wanted, weighted{t[0], q[0]})
		}
	}
	slices.SortStableFunc(wanted, func(a, b weighted) int { return cmp.Compare(b.quality, a.quality) })
	parsed := make([]language.Tag, len(wanted))
	for i, w := range wanted {
		parsed[i] = w.tag
	}
	_, i, confidence := matcher.Match(parsed...)
	return tags[i], confidence > language.No
}

// texts are those of one language, by key.
type texts map[string]string

// languages has the texts of all files, which are read once and never changed.
var languages = sync.OnceValues(func() (map[string]texts, error) {
	all := map[string]texts{}
	for _, tag := range tags {
		text, err := languageFiles.ReadFile("lang/" + tag + ".txt")
		if err != nil {
			return nil, fmt.Errorf("hosted: %w", err)
		}
		if all[tag], err = parseTexts(string(text)); err != nil {
			return nil, fmt.Errorf("hosted: lang/%s.txt: %w", tag, err)
		}
	}
	return all, nil
})

// parseTexts reads lines of the form "key: text". Lines that begin with # are comments.
func parseTexts(file string) (texts, error) {
	all := texts{}
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, text, ok := strings.Cut(line, ": ")
		if _, twice := all[key]; twice || !ok || text == "" {
			return nil, fmt.Errorf("line %q: want a new key and a text", line)
		}
		all[key] = text
	}
	return all, nil
}

// find returns the text for a key, which the look may replace.
func (v *view) find(key string) (string, bool) {
	for _, tag := range []string{v.Language, ""} {
		if t, ok := v.look.Texts[tag][key]; ok {
			return t, true
		}
	}
	t, ok := v.texts[key]
	return t, ok
}

// S returns a text with its placeholders filled, such as {client}: pairs are names and values.
func (v *view) S(key string, pairs ...string) (string, error) {
	t, ok := v.find(key)
	if !ok {
		return "", fmt.Errorf("there is no text %q", key)
	}
	return strings.NewReplacer(braced(pairs, func(s string) string { return s })...).Replace(t), nil
}

// T is S as HTML. Values stand in <bdi>, so that a name in another script does not turn the sentence
// around it.
func (v *view) T(key string, pairs ...string) (template.HTML, error) {
	t, ok := v.find(key)
	if !ok {
		return "", fmt.Errorf("there is no text %q", key)
	}
	isolated := func(s string) string { return "<bdi>" + template.HTMLEscapeString(s) + "</bdi>" }
	return template.HTML(strings.NewReplacer(braced(pairs, isolated)...).Replace(template.HTMLEscapeString(t))), nil
}

// braced turns names and values into what a Replacer takes.
func braced(pairs []string, value func(string) string) []string {
	all := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, "{"+pairs[i]+"}", value(pairs[i+1]))
	}
	return all
}

// Date writes a day as the language does.
func (v *view) Date(t time.Time) (string, error) {
	months, _ := v.find("months")
	names := strings.Split(months, " ")
	if len(names) != 12 {
		return "", fmt.Errorf("months of %s: %d", v.Language, len(names))
	}
	return v.S("date", "year", t.Format("2006"), "month", names[t.Month()-1], "day", t.Format("2"))
}

// A tongue is one of the languages that a page offers.
type tongue struct {
	Tag, Name string
	Href      template.URL
	Current   bool
}

// Tongues returns the languages to choose from, or nil if the page cannot be loaded again.
func (v *view) Tongues() []tongue {
	here, err := url.Parse(v.Here)
	if err != nil || !isPath(v.Here) {
		return nil
	}
	var all []tongue
	for _, tag := range tags {
		query := here.Query()
		query.Set("lang", tag)
		to := url.URL{Path: here.Path, RawQuery: query.Encode()}
		all = append(all, tongue{tag, v.pages.languages[tag]["name"], template.URL(to.String()), tag == v.Language})
	}
	return all
}
