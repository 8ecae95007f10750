package hosted_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/oauth/hosted"
)

// texts reads a file of texts, without the package's own parser.
func texts(t *testing.T, tag string) map[string]string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("lang", tag+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([^#\s:]+): (.+)$`).FindAllStringSubmatch(string(file), -1) {
		all[m[1]] = m[2]
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\w*\}?`)

// TestEachLanguageHasEveryText compares keys and placeholders with those of English.
func TestEachLanguageHasEveryText(t *testing.T) {
	files, err := filepath.Glob("lang/*.txt")
	if err != nil || len(files) != len(hosted.Languages()) {
		t.Errorf("%d files of texts, %d languages, error %v", len(files), len(hosted.Languages()), err)
	}
	english := texts(t, "en")
	if len(english) < 200 {
		t.Fatalf("%d texts in English", len(english))
	}
	for _, tag := range hosted.Languages() {
		other := texts(t, tag)
		same := 0
		for key, text := range english {
			got, ok := other[key]
			if !ok {
				t.Errorf("%s has no %s", tag, key)
				continue
			}
			want, have := placeholder.FindAllString(text, -1), placeholder.FindAllString(got, -1)
			slices.Sort(want)
			slices.Sort(have)
			if !slices.Equal(want, have) {
				t.Errorf("%s: %s has the placeholders %q, want %q", tag, key, have, want)
			}
			if got == text {
				same++
			}
		}
		for key := range other {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %s, which English has not", tag, key)
			}
		}
		if len(strings.Fields(other["months"])) != 12 {
			t.Errorf("%s: months %q", tag, other["months"])
		}
		if tag != "en" && same > len(english)/10 {
			t.Errorf("%s: %d texts are those of English", tag, same)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, tt := range []struct{ name, query, cookie, accept, want string }{
		{"nothing", "", "", "", "en"},
		{"header", "", "", "fr-CH, fr;q=0.9, en;q=0.8", "fr"},
		{"the header's order", "", "", "sv, ko;q=0.5, de;q=0.9", "de"},
		{"cookie before header", "", "ja", "fr", "ja"},
		{"parameter before cookie", "lang=pt-BR", "ja", "fr", "pt-BR"},
		{"ui_locales", "ui_locales=xx+nl+de", "", "fr", "nl"},
		{"lang before ui_locales", "lang=it&ui_locales=nl", "", "", "it"},
		{"unknown parameter", "lang=xx", "", "es", "es"},
		{"hostile parameter", `lang="><script>`, "", "id", "id"},
		{"long parameter", "lang=" + strings.Repeat("de-", 100), "", "id", "id"},
		{"long header", "", "", strings.Repeat("de,", 1000), "en"},
		{"Portuguese of Portugal", "lang=pt-PT", "", "", "pt-BR"},
		{"script of China", "lang=zh", "", "", "zh-CN"},
		{"script of Taiwan", "", "", "zh-Hant-HK", "zh-TW"},
		{"old name of Indonesian", "lang=in", "", "", "id"},
		{"upper case", "lang=AR", "", "", "ar"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.RawQuery = tt.query
		if tt.cookie != "" {
			r.AddCookie(&http.Cookie{Name: hosted.LanguageCookie, Value: tt.cookie})
		}
		r.Header.Set("Accept-Language", tt.accept)
		if got := hosted.Language(r); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestOtherLanguagesAreOffered where the page can be loaded again, and nowhere else.
func TestOtherLanguagesAreOffered(t *testing.T) {
	p := made(t, nil)
	page := hosted.Page{Kind: hosted.SignIn, Here: "/login?client_id=a%26b&lang=fr", Language: "de"}
	tags, err := parsed(shown(t, p, page).Body.String())
	if err != nil {
		t.Fatal(err)
	}
	links := find(tags, "a", "lang", "ar")
	if len(links) != 1 || links[0].attrs["href"] != "/login?client_id=a%26b&lang=ar" || len(find(tags, "a", "aria-current", "true")) != 1 {
		t.Errorf("the link to Arabic is %v", links)
	}
	for _, here := range []string{"", "//evil.example/", "https://evil.example/", "javascript:alert(1)", `/\evil.example`} {
		page.Here = here
		if body := shown(t, p, page).Body.String(); strings.Contains(body, `aria-current="true"`) {
			t.Errorf("%q: languages are offered", here)
		}
	}
}

// TestNamesDoNotTurnSentences looks for the element that keeps a name of another script apart.
func TestNamesDoNotTurnSentences(t *testing.T) {
	page := state(t, "code-sms")
	page.Language = "ar"
	if body := shown(t, made(t, nil), page).Body.String(); !strings.Contains(body, "أرسلنا رمزًا إلى <bdi>+*******0199</bdi>.") {
		t.Error(body)
	}
}
