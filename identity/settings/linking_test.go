package settings_test

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

func TestLinkingSettings(t *testing.T) {
	policy := func(p settings.ProviderPolicy) map[string]settings.ProviderPolicy {
		return map[string]settings.ProviderPolicy{"Acme": p}
	}
	for name, tt := range map[string]struct {
		linking  settings.Linking
		policies map[string]settings.ProviderPolicy
		ok       bool
	}{
		"nothing":             {"", nil, true},
		"ask":                 {settings.LinkingAsk, nil, true},
		"automatic":           {settings.LinkingAutomatic, policy(settings.ProviderPolicy{TrustedDomains: []string{"example.com", "xn--bcher-kva.example"}}), true},
		"another word":        {"always", nil, false},
		"in capitals":         {"ASK", nil, false},
		"native clients":      {"", policy(settings.ProviderPolicy{NativeClients: []string{"a.apps.googleusercontent.com"}}), true},
		"an empty client":     {"", policy(settings.ProviderPolicy{NativeClients: []string{""}}), false},
		"a long client":       {"", policy(settings.ProviderPolicy{NativeClients: []string{strings.Repeat("x", 257)}}), false},
		"too many clients":    {"", policy(settings.ProviderPolicy{NativeClients: strings.Split(strings.Repeat("x ", 50)+"x", " ")}), false},
		"no domain":           {"", policy(settings.ProviderPolicy{TrustedDomains: []string{""}}), false},
		"a top-level domain":  {"", policy(settings.ProviderPolicy{TrustedDomains: []string{"com"}}), false},
		"a wildcard":          {"", policy(settings.ProviderPolicy{TrustedDomains: []string{"*.example.com"}}), false},
		"an address":          {"", policy(settings.ProviderPolicy{TrustedDomains: []string{"a@example.com"}}), false},
		"a domain in Capital": {"", policy(settings.ProviderPolicy{TrustedDomains: []string{"Example.com"}}), false},
		"no provider":         {"", map[string]settings.ProviderPolicy{"": {}}, false},
		"a name with spaces":  {"", map[string]settings.ProviderPolicy{"a b c": {}}, false},
	} {
		pool := settings.Pool{Name: "p", Region: "us-east-1", Linking: tt.linking, ProviderPolicies: tt.policies}
		if err := pool.Check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrusts(t *testing.T) {
	p := settings.ProviderPolicy{TrustedDomains: []string{"example.com"}}
	for address, want := range map[string]bool{
		"ann@example.com": true, "ann@EXAMPLE.com": true, `"a@b"@example.com`: true,
		"ann@sub.example.com": false, "ann@badexample.com": false, "ann@example.com.evil.example": false, "ann@example.co": false, "@example.com": false, "example.com": false, "": false,
		"ann@example.com@evil.example": false,
	} {
		if p.Trusts(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
