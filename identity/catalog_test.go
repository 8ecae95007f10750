package identity

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestTablesNamesAll holds that no table is left out of backups.
func TestTablesNamesAll(t *testing.T) {
	src, err := os.ReadFile("tables.go")
	if err != nil {
		t.Fatal(err)
	}
	have := Tables()
	declared := regexp.MustCompile(`&store\.Table\[\w+\]\{\s*Name: "(\w+)"`).FindAllSubmatch(src, -1)
	if len(declared) != len(catalog()) {
		t.Errorf("tables.go declares %d tables, the catalog has %d", len(declared), len(catalog()))
	}
	for _, m := range declared {
		if !slices.Contains(have, string(m[1])) {
			t.Errorf("Tables lacks %s", m[1])
		}
	}
	for _, want := range []string{"users.names", "users.search", "groups.names", "families.expiry"} {
		if !slices.Contains(have, want) {
			t.Errorf("Tables lacks %s", want)
		}
	}
}
