package settings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

func links(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

const termsURL = "https://example.com/terms"

// A checked is settings that check themselves.
type checked interface{ Check() error }

// badPages are styles and terms that break rules.
var badPages = []struct {
	name string
	page checked
	code settings.Code
}{
	{"neither", &settings.Branding{}, settings.BrandingAmbiguous},
	{"both", &settings.Branding{Defaults: true, Settings: json.RawMessage(`{}`)}, settings.BrandingAmbiguous},
	{"defaults with assets", &settings.Branding{Defaults: true, Assets: []settings.BrandingAsset{png}}, settings.BrandingAmbiguous},
	{"settings that are no object", &settings.Branding{Settings: json.RawMessage(`[]`)}, ""},
	{"settings that are no JSON", &settings.Branding{Settings: json.RawMessage(`{`)}, ""},
	{"41 assets", styled(make([]settings.BrandingAsset, 41)...), ""},
	{"too large", &settings.Branding{Settings: json.RawMessage(`{"a":"` + strings.Repeat("x", settings.MaxBrandingSize) + `"}`)}, ""},
	{"a category", styled(settings.BrandingAsset{Category: "LOGO", ColorMode: "LIGHT", Extension: "PNG", ResourceID: "r"}), ""},
	{"a mode", styled(settings.BrandingAsset{Category: "FORM_LOGO", ColorMode: "RED", Extension: "PNG", ResourceID: "r"}), ""},
	{"an empty asset", styled(settings.BrandingAsset{Category: "FORM_LOGO", ColorMode: "DARK", Extension: "PNG"}), ""},
	{"another type", styled(asset("JPEG", "\x89PNG\r\n\x1a\n")), ""},
	{"an unknown type", styled(asset("GIF", "GIF89a")), ""},
	{"a page as SVG", styled(asset("SVG", "<html><svg></svg></html>")), ""},
	{"a script in SVG", styled(asset("SVG", "<svg><SCRIPT>alert(1)</SCRIPT></svg>")), ""},
	{"an event in SVG", styled(asset("SVG", `<svg onload="alert(1)"/>`)), ""},
	{"an event after a slash", styled(asset("SVG", `<svg/onload=alert(1)>`)), ""},
	{"a link to a script", styled(asset("SVG", `<svg><a href="javascript:alert(1)"/></svg>`)), ""},
	{"entities in SVG", styled(asset("SVG", `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>`)), ""},
	{"a large file", styled(asset("PNG", "\x89PNG\r\n\x1a\n"+strings.Repeat("x", settings.MaxAssetBytes))), ""},
	{"terms without a default", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:french", termsURL)}, settings.DefaultLinkMissing},
	{"terms without links", &settings.Terms{Name: settings.TermsOfUse}, settings.DefaultLinkMissing},
	{"terms of another name", &settings.Terms{Name: "imprint", Links: links("cognito:default", termsURL)}, ""},
	{"an unknown language", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:default", termsURL, "cognito:latin", termsURL)}, ""},
	{"a script as a link", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:default", "javascript:alert(1)")}, settings.LinkMalformed},
	{"plain http", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:default", "http://example.com")}, settings.LinkMalformed},
	{"no host", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:default", "https:///terms")}, settings.LinkMalformed},
	{"a long link", &settings.Terms{Name: settings.TermsOfUse, Links: links("cognito:default", termsURL+strings.Repeat("x", 1024))}, settings.LinkMalformed},
}

var png = asset("PNG", "\x89PNG\r\n\x1a\n...")

func asset(extension, file string) settings.BrandingAsset {
	return settings.BrandingAsset{Category: "FORM_LOGO", ColorMode: "LIGHT", Extension: extension, Bytes: []byte(file)}
}

func styled(assets ...settings.BrandingAsset) *settings.Branding {
	return &settings.Branding{Settings: json.RawMessage(`{}`), Assets: assets}
}

func TestChecksOfPages(t *testing.T) {
	for _, tt := range badPages {
		if e, ok := errors.AsType[*settings.Error](tt.page.Check()); !ok || e.Code != tt.code {
			t.Errorf("%s: error %v, want the code %q", tt.name, tt.page.Check(), tt.code)
		}
	}
	for _, good := range []checked{
		&settings.Branding{Defaults: true},
		styled(png, asset("JPEG", "\xff\xd8\xff\xe0"), asset("ICO", "\x00\x00\x01\x00."), asset("WEBP", "RIFF....WEBPVP8 "), asset("SVG", `<?xml version="1.0"?> <svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>`)),
		styled(settings.BrandingAsset{Category: "IDP_BUTTON_ICON", ColorMode: "DYNAMIC", Extension: "SVG", ResourceID: "idp"}),
		&settings.Terms{Name: settings.PrivacyPolicy, Links: links("cognito:default", termsURL, "cognito:chinese-simplified", "http://localhost:3000/zh")},
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: error %v, want none", good, err)
		}
	}
	for _, n := range []int{0, 101, -1} {
		if err := (&settings.Pool{Sessions: &settings.Sessions{MaxPerUser: n}}).Check(); err == nil {
			t.Errorf("%d sessions a user are allowed", n)
		}
	}
	for _, n := range []int{-1, 129601} {
		if err := (&settings.Client{Name: "c", SSOMinutes: &n}).Check(&settings.Pool{}); err == nil {
			t.Errorf("%d minutes are allowed", n)
		}
	}
}

func TestMergeOfStyles(t *testing.T) {
	icon := func(id, file string) settings.BrandingAsset {
		return settings.BrandingAsset{Category: "IDP_BUTTON_ICON", ColorMode: "LIGHT", Extension: "SVG", ResourceID: id, Bytes: []byte(file)}
	}
	b := settings.Branding{Settings: json.RawMessage(`{"a":{"b":1,"c":2},"d":[1]}`), Assets: []settings.BrandingAsset{png, icon("x", "<svg>1")}}
	other := asset("JPEG", "\xff\xd8\xff")
	err := b.Merge(settings.Branding{Settings: json.RawMessage(`{"a":{"c":{"x":3}},"d":[2],"e":null}`), Assets: []settings.BrandingAsset{other, icon("y", "<svg>2"), icon("x", "<svg>3")}})
	if want := `{"a":{"b":1,"c":{"x":3}},"d":[2],"e":null}`; err != nil || string(b.Settings) != want {
		t.Errorf("merged %s, %v, want %s", b.Settings, err, want)
	}
	if len(b.Assets) != 3 || b.Assets[0].Extension != "JPEG" || string(b.Assets[1].Bytes) != "<svg>3" || b.Assets[2].ResourceID != "y" {
		t.Errorf("assets %+v", b.Assets)
	}
	if err := b.Merge(settings.Branding{Settings: json.RawMessage(`"x"`)}); err == nil {
		t.Error("settings that are no object are merged")
	}
	if err := b.Merge(settings.Branding{Defaults: true}); err != nil || b.Settings != nil || len(b.Assets) > 0 || !b.Defaults {
		t.Errorf("after the defaults: %+v, %v", b, err)
	}
	if err := b.Merge(settings.Branding{Settings: json.RawMessage(`{}`)}); err != nil || b.Defaults || string(b.Settings) != "{}" {
		t.Errorf("after settings again: %+v, %v", b, err)
	}
}
