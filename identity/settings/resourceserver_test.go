package settings_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

func scopes(n int) (out []settings.ResourceScope) {
	for i := range n {
		out = append(out, settings.ResourceScope{Name: fmt.Sprintf("s%d", i), Description: "d"})
	}
	return out
}

func scope(name, description string) []settings.ResourceScope {
	return []settings.ResourceScope{{Name: name, Description: description}}
}

// badResourceServers break rules that have a code.
var badResourceServers = []struct {
	server settings.ResourceServer
	code   settings.Code
}{
	{settings.ResourceServer{Identifier: "a", Name: "a", Scopes: append(scope("a", "d"), scope("a", "e")...)}, settings.ScopeTwice},
}

func TestResourceServerCheck(t *testing.T) {
	for _, tt := range badResourceServers {
		if e, ok := errors.AsType[*settings.Error](tt.server.Check()); !ok || e.Code != tt.code {
			t.Errorf("%+v: error %v, want %q", tt.server, tt.server.Check(), tt.code)
		}
	}
	long := strings.Repeat("a", 257)
	for _, tt := range []struct {
		setting          string // that is invalid
		identifier, name string
		scopes           []settings.ResourceScope
	}{
		{"", "https://api.example.com/!#[]~", "A name_+=,.@-", scope("read:#!.x", "Día 漢")},
		{"", long[1:], long[1:], scope(long[1:], strings.Repeat("漢", 256))},
		{"", "a", "a", scopes(100)},
		{"Identifier", "", "a", nil},
		{"Identifier", long, "a", nil},
		{"Identifier", "a b", "a", nil},
		{"Identifier", `a"b`, "a", nil},
		{"Identifier", `a\b`, "a", nil},
		{"Identifier", "é", "a", nil},
		{"Identifier", "a\n", "a", nil},
		{"Name", "a", "", nil},
		{"Name", "a", long, nil},
		{"Name", "a", "a/b", nil},
		{"Scopes", "a", "a", scopes(101)},
		{"Scopes", "a", "a", scope("", "d")},
		{"Scopes", "a", "a", scope("a/b", "d")},
		{"Scopes", "a", "a", scope("a b", "d")},
		{"Scopes", "a", "a", scope(long, "d")},
		{"Scopes", "a", "a", scope("a", "")},
		{"Scopes", "a", "a", scope("a", strings.Repeat("漢", 257))},
	} {
		s := settings.ResourceServer{Identifier: tt.identifier, Name: tt.name, Scopes: tt.scopes}
		err := s.Check()
		e, ok := errors.AsType[*settings.Error](err)
		if tt.setting == "" && err != nil || tt.setting != "" && (!ok || e.Setting != tt.setting) {
			t.Errorf("%+.60v: error %v, want one about %q", s, err, tt.setting)
		}
	}
}
