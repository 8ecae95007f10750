package hosted

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A Look is what a product makes its pages look like. The zero value is the look of Cognate.
type Look struct {
	// Name is that of the product, shown at the top of each page. Defaults to the name of the client.
	Name string
	// Logo is shown in place of the name: a path on this host, or a data URI of a picture. LogoDark
	// is shown on dark pages, and defaults to Logo.
	Logo, LogoDark string
	// Favicon is a path or a data URI, as Logo. Defaults to the mark of Cognate.
	Favicon string
	// Background is a picture behind the page: a path or a data URI, as Logo. Defaults to none.
	Background string
	// Light and Dark are the colours. Colours that are not set are those of Cognate.
	Light, Dark Colours
	// Style is the address of a style sheet on this host that comes after that of the package.
	// Defaults to none. See [Options.Style] for CSS of your own as text.
	Style string
	// Texts replace texts of the package: by language and key. The language "" stands for all. The
	// keys are those in the directory lang of the package.
	Texts map[string]map[string]string
}

// Colours are CSS colours as #rrggbb. Those that are not set or not of this form are those of Cognate.
// [Look.Check] reports colours that cannot be read well.
type Colours struct {
	Page   string // behind everything
	Card   string // behind the form
	Text   string // on the card
	Accent string // of buttons and links
	// OnAccent is the text on buttons. It defaults to black or white, whatever is read better.
	OnAccent string
}

// byLetter names each colour by a letter, for the address of the style sheet.
func (c *Colours) byLetter() []struct{ letter, property, value string } {
	return []struct{ letter, property, value string }{
		{"p", "--page", c.Page},
		{"c", "--card", c.Card},
		{"t", "--text", c.Text},
		{"a", "--accent", c.Accent},
		{"o", "--on-accent", c.OnAccent},
	}
}

var hex6 = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// The colours of the package's own look are those of its style sheet.
var ownLight, ownDark = func() (light, dark Colours) {
	first, second, _ := strings.Cut(ownStyle, "@media (prefers-color-scheme: dark)")
	return coloursOf(first), coloursOf(second)
}()

// coloursOf reads the first colour of each name in a style sheet.
func coloursOf(css string) Colours {
	read := func(name string) string {
		_, after, _ := strings.Cut(css, "--"+name+": ")
		value, _, _ := strings.Cut(after, ";")
		return value
	}
	return Colours{Page: read("page"), Card: read("card"), Text: read("text"), Accent: read("accent"), OnAccent: read("on-accent")}
}

// least is the contrast that WCAG 2.2 asks for in text (success criterion 1.4.3, level AA).
const least = 4.5

// Check returns an error if a colour is not of the form #rrggbb, if text cannot be read well in the
// colours, or if a picture is neither a path nor a data URI of a picture.
func (l *Look) Check() error {
	for _, m := range []struct {
		mode     string
		set, own Colours
	}{{"light", l.Light, ownLight}, {"dark", l.Dark, ownDark}} {
		for _, c := range m.set.byLetter() {
			if c.value != "" && !hex6.MatchString(c.value) {
				return fmt.Errorf("hosted: %s: %q is not a colour as #rrggbb", m.mode, c.value)
			}
		}
		full := m.set.over(m.own)
		for _, pair := range [][3]string{
			{"text on the card", full.Text, full.Card},
			{"links on the card", full.Accent, full.Card},
			{"links on the page", full.Accent, full.Page},
			{"text on the page", full.Text, full.Page},
			{"text on buttons", full.OnAccent, full.Accent},
		} {
			if got := contrast(pair[1], pair[2]); got < least {
				return fmt.Errorf("hosted: %s: %s has a contrast of %.1f, and must have %.1f (%s on %s)", m.mode, pair[0], got, least, pair[1], pair[2])
			}
		}
	}
	for _, p := range []string{l.Logo, l.LogoDark, l.Favicon, l.Background} {
		if p != "" && picture(p) == "" {
			return fmt.Errorf("hosted: %.40q is neither a path nor a data URI of a picture", p)
		}
	}
	return nil
}

// over fills in what is not set.
func (c Colours) over(own Colours) Colours {
	pick := func(value, other string) string {
		if hex6.MatchString(value) {
			return value
		}
		return other
	}
	on := own.OnAccent
	if hex6.MatchString(c.Accent) {
		on = readable(c.Accent)
	}
	return Colours{
		Page: pick(c.Page, own.Page), Card: pick(c.Card, own.Card), Text: pick(c.Text, own.Text),
		Accent: pick(c.Accent, own.Accent), OnAccent: pick(c.OnAccent, on),
	}
}

// readable returns black or white.
func readable(on string) string {
	if contrast("#ffffff", on) >= contrast("#000000", on) {
		return "#ffffff"
	}
	return "#000000"
}

// contrast is that of WCAG 2.2 between two colours as #rrggbb.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(hex string) float64 {
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return 0
	}
	channel := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

// The colours of a look are in the address of a style sheet, such as look.la0b5d4e.da79d2b8.css: mode,
// colour, value. So servers need not know each other's looks, the answer can be cached for ever, and
// an address that somebody makes up can only name colours.

// colourFile is "" for a look without colours.
func (l *Look) colourFile() string {
	var b strings.Builder
	for _, m := range []struct {
		letter string
		set    Colours
		own    Colours
	}{{"l", l.Light, ownLight}, {"d", l.Dark, ownDark}} {
		if hex6.MatchString(m.set.Accent) && !hex6.MatchString(m.set.OnAccent) {
			m.set.OnAccent = readable(m.set.Accent)
		}
		for _, c := range m.set.byLetter() {
			if hex6.MatchString(c.value) {
				b.WriteString("." + m.letter + c.letter + strings.ToLower(c.value[1:]))
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "look" + b.String() + ".css"
}

var colourFile = regexp.MustCompile(`^look((?:\.[ld][pctao][0-9a-f]{6}){1,10})\.css$`)

// colourSheet returns the style sheet for a name that colourFile made.
func colourSheet(name string) (css string, ok bool) {
	m := colourFile.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	properties := map[string]string{}
	for _, c := range new(Colours).byLetter() {
		properties[c.letter] = c.property
	}
	rules := map[byte]string{}
	for part := range strings.SplitSeq(m[1][1:], ".") {
		rules[part[0]] += properties[part[1:2]] + ":#" + part[2:] + ";"
	}
	return ":root{" + rules['l'] + "}\n@media (prefers-color-scheme: dark){:root{" + rules['d'] + "}}\n", true
}

var pictureData = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|avif|svg\+xml|x-icon|vnd\.microsoft\.icon);base64,[A-Za-z0-9+/]+={0,2}$`)

// picture returns the address of a picture as it may stand in a page, or "".
func picture(address string) template.URL {
	if pictureData.MatchString(address) || isPath(address) {
		return template.URL(address)
	}
	return ""
}

// isPath reports whether an address stays on this host.
func isPath(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(address, "//") && !strings.Contains(address, `\`)
}

// running are the schemes of addresses that run code in a page or show what they carry.
var running = map[string]bool{
	"javascript": true, "data": true, "vbscript": true, "blob": true, "file": true, "filesystem": true, "about": true, "view-source": true,
}

// href returns a link as it may stand in a page, or "#". html/template would refuse the schemes of apps
// on phones, which clients may be called back by.
func href(address string) template.URL {
	u, err := url.Parse(address)
	if err != nil || running[strings.ToLower(u.Scheme)] {
		return "#"
	}
	return template.URL(address)
}
