package oauth_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth"
)

const styleOfAConsole = `{
	"categories": {"global": {"colorSchemeMode": "DYNAMIC"}},
	"components": {
		"pageBackground": {"lightMode": {"color": "fafafaff"}, "darkMode": {"color": "101010ff"}},
		"primaryButton": {"lightMode": {"defaults": {"backgroundColor": "5b3fa8ff", "textColor": "ffffffff"}}, "darkMode": {"defaults": {"backgroundColor": "bda8ffff"}}},
		"form": {"lightMode": {"backgroundColor": "not a colour"}}
	}
}`

var png = []byte("\x89PNG\r\n\x1a\nand so on")

// The pages of a client have its managed-login style, and the pictures of it.
func TestPagesHaveTheStyleOfTheClient(t *testing.T) {
	w := newWorld(t, nil)
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>`)
	if _, err := w.pool.Admin().Brandings().Create(t.Context(), w.public.ClientID(), identity.BrandingSettings{
		Settings: json.RawMessage(styleOfAConsole),
		Assets: []identity.BrandingAsset{
			{Category: "PAGE_HEADER_LOGO", ColorMode: "LIGHT", Extension: "PNG", Bytes: append([]byte(nil), png...)},
			{Category: "FORM_LOGO", ColorMode: "LIGHT", Extension: "SVG", Bytes: svg},
			{Category: "FORM_LOGO", ColorMode: "DARK", Extension: "PNG", Bytes: png},
			{Category: "FAVICON_ICO", ColorMode: "DYNAMIC", Extension: "ICO", Bytes: []byte("\x00\x00\x01\x00x")},
			{Category: "SMS_GRAPHIC", ColorMode: "DYNAMIC", Extension: "PNG", Bytes: png},
		},
	}); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	b.sees("look.lp")
	for _, part := range []string{"pfafafa", "a5b3fa8", "offffff", "p101010", "abda8ff"} {
		if !strings.Contains(b.page, part) {
			t.Errorf("the style sheet of the page lacks %s:\n%s", part, b.page)
		}
	}
	pictures := regexp.MustCompile(`/branding/[^"]+`).FindAllString(b.page, -1)
	if len(pictures) < 3 {
		t.Fatalf("the page has the pictures %q", pictures)
	}
	types := map[string]bool{}
	for _, path := range pictures {
		status, _, h := w.call(http.MethodGet, path, nil)
		types[h.Get("Content-Type")] = true
		if status != http.StatusOK || !strings.Contains(h.Get("Cache-Control"), "immutable") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, status, h)
		}
	}
	if !types["image/svg+xml"] || !types["image/png"] || !types["image/x-icon"] {
		t.Errorf("the pictures are %v", types)
	}
	for _, path := range []string{"/branding/", "/branding/" + w.public.ClientID(), "/branding/" + w.public.ClientID() + "/logo", "/branding/x/y", strings.Replace(pictures[0], w.public.ClientID(), w.secret.ClientID(), 1)} {
		if status, _, _ := w.call(http.MethodGet, path, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	b.get(w.authorizeURL(w.secret))
	if strings.Contains(b.page, "/branding/") || strings.Contains(b.page, "look.l") {
		t.Error("another client has the style")
	}
	if !oauth.NewServer(w.engine, nil).Serves(pictures[0]) {
		t.Errorf("Serves(%q) is false", pictures[0])
	}
}

// The pages of a sign-out have the style of the client too.
func TestSignOutHasTheStyleOfTheClient(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(true) })
	if _, err := w.pool.Admin().Brandings().Create(t.Context(), w.public.ClientID(), identity.BrandingSettings{Settings: json.RawMessage(styleOfAConsole)}); err != nil {
		t.Fatal(err)
	}
	w.user("ann")
	b := w.browser()
	b.code(w.public, "ann")
	at := "/logout?client_id=" + w.public.ClientID()
	b.get(at)
	b.sees("Sign out?")
	b.sees("look.lp")
	b.submit(map[string]string{"do": "sign-out"})
	b.sees("You are signed out")
	b.sees("look.lp")
}

// Without a style, the classic customization of the client or the pool gives the logo and the colour of buttons.
func TestPagesHaveTheClassicLook(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.pool.Admin().Domains().Create(t.Context(), identity.DomainSettings{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Admin().SetUICustomization(t.Context(), "", ".submitButton-customizable { font-weight: bold; background-color: #5B3FA8; }", png); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	if !strings.Contains(b.page, "a5b3fa8") || !strings.Contains(b.page, "/branding/"+w.public.ClientID()+"/logo-") {
		t.Errorf("the page has neither the colour nor the logo:\n%s", b.page)
	}
}

// Terms are shown on the sign-up page, in the language of the page, once both documents are there.
func TestPagesLinkToTerms(t *testing.T) {
	w := newWorld(t, nil)
	terms := w.pool.Admin().Terms()
	add := func(name identity.TermsName, links map[string]string) {
		if _, err := terms.Create(t.Context(), w.public.ClientID(), identity.TermsSettings{Name: name, Links: links}); err != nil {
			t.Fatal(err)
		}
	}
	page := func(language string) string {
		b := w.browser()
		b.get(strings.Replace(w.authorizeURL(w.public, "lang", language), "/oauth2/authorize", "/signup", 1))
		return b.page
	}
	add(identity.TermsOfUse, map[string]string{"cognito:default": "https://acme.example/use", "cognito:german": "https://acme.example/nutzung"})
	if strings.Contains(page("en"), "acme.example/use") {
		t.Error("one document alone is shown")
	}
	w = newWorld(t, nil)
	terms = w.pool.Admin().Terms()
	add(identity.TermsOfUse, map[string]string{"cognito:default": "https://acme.example/use", "cognito:german": "https://acme.example/nutzung"})
	add(identity.PrivacyPolicy, map[string]string{"cognito:default": "https://acme.example/privacy"})
	for language, want := range map[string][]string{
		"en": {"https://acme.example/use", "https://acme.example/privacy"},
		"de": {"https://acme.example/nutzung", "https://acme.example/privacy"},
	} {
		for _, link := range want {
			if !strings.Contains(page(language), `href="`+link+`"`) {
				t.Errorf("in %s there is no link to %s", language, link)
			}
		}
	}
}
