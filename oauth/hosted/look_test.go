package hosted_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/oauth/hosted"
)

func TestLook(t *testing.T) {
	p := made(t, nil)
	page := hosted.Page{Kind: hosted.SignIn, Client: "Shop", Look: &hosted.Look{
		Name: "Acme", Logo: "/logo.svg", LogoDark: "data:image/png;base64,AAAA", Favicon: "/favicon.ico", Background: "/sea.jpg", Style: "/own.css",
		Light: hosted.Colours{Accent: "#FFD500", Page: "red"}, Dark: hosted.Colours{Card: "#101010"},
		Texts: map[string]map[string]string{"": {"sign-in.title": "Welcome"}, "de": {"sign-in.title": "Willkommen <b>"}},
	}}
	body := shown(t, p, page).Body.String()
	for _, want := range []string{
		`src="/logo.svg" alt="Acme"`, `src="data:image/png;base64,AAAA" alt="Acme"`, `<link rel="icon" href="/favicon.ico">`, `class="backdrop" src="/sea.jpg" alt=""`,
		`href="/assets/look.laffd500.lo000000.dc101010.css"`, `href="/own.css"`, "<h1>Welcome</h1>", "<title>Welcome · Acme</title>", "to continue to <bdi>Shop</bdi>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	page.Language = "de"
	if body := shown(t, p, page).Body.String(); !strings.Contains(body, "<h1>Willkommen &lt;b&gt;</h1>") {
		t.Error(body)
	}
	want := ":root{--accent:#ffd500;--on-accent:#000000;}\n@media (prefers-color-scheme: dark){:root{--card:#101010;}}\n"
	if got := asset(t, p, "/assets/look.laffd500.lo000000.dc101010.css"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLookOfAnAddressIsOnlyColours: anybody can ask for a style sheet, so its address must not carry CSS.
func TestLookOfAnAddressIsOnlyColours(t *testing.T) {
	p := made(t, nil)
	for _, name := range []string{
		"look.css", "look..css", "look.la12345.css", "look.la1234567.css", "look.xa123456.css", "look.lz123456.css", "look.la12345g.css",
		"look.la123456;}.css", "look.la123456.css/", "look" + strings.Repeat(".la123456", 11) + ".css", "LOOK.la123456.css",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/", nil)
		r.URL.Path += name
		p.Assets().ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestLookIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name string
		look hosted.Look
		want string // "" for none
	}{
		{"own", hosted.Look{}, ""},
		{"accent", hosted.Look{Light: hosted.Colours{Accent: "#5b3fa8"}}, ""},
		{"pale accent", hosted.Look{Light: hosted.Colours{Accent: "#9fd3c7"}}, "light: links on the card has a contrast of 1."},
		{"grey text", hosted.Look{Dark: hosted.Colours{Text: "#555555"}}, "dark: text on the card"},
		{"page", hosted.Look{Light: hosted.Colours{Page: "#333333"}}, "links on the page"},
		{"button", hosted.Look{Light: hosted.Colours{OnAccent: "#0b5d4f"}}, "text on buttons"},
		{"no colour", hosted.Look{Light: hosted.Colours{Card: "red"}}, `"red" is not a colour`},
		{"short colour", hosted.Look{Dark: hosted.Colours{Card: "#fff"}}, "is not a colour"},
		{"logo of another site", hosted.Look{Logo: "https://example.com/logo.png"}, "is neither a path nor a data URI"},
		{"logo of a site without scheme", hosted.Look{Logo: "//example.com/logo.png"}, "is neither a path"},
		{"logo of a site by three slashes", hosted.Look{Logo: "///example.com/logo.png"}, "is neither a path"},
		{"logo by backslash", hosted.Look{Logo: `/\example.com/logo.png`}, "is neither a path"},
		{"script", hosted.Look{Favicon: "javascript:alert(1)"}, "is neither a path"},
		{"page as picture", hosted.Look{Background: "data:text/html;base64,AAAA"}, "is neither a path"},
	} {
		_, err := hosted.New(&hosted.Options{Look: tt.look})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestOwnColours holds what [hosted.Look.Check] takes for the own colours to the style sheet: with the
// text in the colour of what is behind it, the contrast is 1.
func TestOwnColours(t *testing.T) {
	style, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(string(style), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark colours")
	}
	colour := func(css, name string) string {
		m := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(css)
		if m == nil {
			t.Fatalf("no --%s", name)
		}
		return m[1]
	}
	for _, tt := range []struct {
		look hosted.Look
		want string
	}{
		{hosted.Look{Light: hosted.Colours{Text: colour(light, "card")}}, "light: text on the card has a contrast of 1.0"},
		{hosted.Look{Dark: hosted.Colours{Text: colour(dark, "card")}}, "dark: text on the card has a contrast of 1.0"},
		{hosted.Look{Light: hosted.Colours{Page: colour(light, "accent")}}, "light: links on the page has a contrast of 1.0"},
		{hosted.Look{Dark: hosted.Colours{Page: colour(dark, "accent")}}, "dark: links on the page has a contrast of 1.0"},
		{hosted.Look{Light: hosted.Colours{OnAccent: colour(light, "accent")}}, "light: text on buttons has a contrast of 1.0"},
		{hosted.Look{Dark: hosted.Colours{OnAccent: colour(dark, "accent")}}, "dark: text on buttons has a contrast of 1.0"},
	} {
		if err := tt.look.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

func TestDifferencesAreMarked(t *testing.T) {
	p := made(t, nil)
	for _, tt := range []struct{ got, want, gotMarked, wantMarked string }{
		{"http://localhost:3000/callback/", "http://localhost:3000/callback", "http://localhost:3000/callback<mark>/</mark>", "http://localhost:3000/callback"},
		{"http://a.example/cb", "https://a.example/cb", "http://a.example/cb", "http<mark>s</mark>://a.example/cb"},
		{"https://a.example/CB", "https://a.example/cb", "https://a.example/<mark>CB</mark>", "https://a.example/<mark>cb</mark>"},
		{"https://a.example/é", "https://a.example/è", "https://a.example/<mark>é</mark>", "https://a.example/<mark>è</mark>"},
		{"abc", "xyz", "abc", "<mark>xyz</mark>"},
		{"same", "same", "same", "same"},
	} {
		page := hosted.Page{Kind: hosted.Error, Findings: []hosted.Finding{{Title: "T", Got: tt.got, Want: []string{tt.want}}}}
		body := shown(t, p, page).Body.String()
		if !strings.Contains(body, `<code dir="ltr">`+tt.gotMarked+"</code>") || !strings.Contains(body, `<code dir="ltr">`+tt.wantMarked+"</code>") {
			t.Errorf("%s and %s: %s", tt.got, tt.want, body)
		}
	}
}

// TestLinksOfApps: an app on a phone has a scheme of its own, and a scheme that runs code is no link.
func TestLinksOfApps(t *testing.T) {
	p := made(t, nil)
	for link, want := range map[string]string{
		"com.example.app:/home": "com.example.app:/home", "https://a.example/?a=1&b=2": "https://a.example/?a=1&amp;b=2", "/home": "/home",
		"javascript:alert(1)": "#", "JavaScript:alert(1)": "#", " javascript:alert(1)": "#", "java\nscript:alert(1)": "#", "data:text/html,x": "#", "vbscript:x": "#",
		"blob:https://a.example/x": "#", "file:///etc/passwd": "#", "://": "#", "\x01javascript:alert(1)": "#",
	} {
		body := shown(t, p, hosted.Page{Kind: hosted.SignedOut, Links: hosted.Links{App: link}}).Body.String()
		if !strings.Contains(body, `<a class="button" href="`+want+`">`) {
			t.Errorf("%q: %s", link, body)
		}
	}
}
