package identity

import (
	"maps"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// What is not asked for is not answered, though it stands in the same record.
func TestResourceScopesAreThoseAskedFor(t *testing.T) {
	s := memory.New()
	defer s.Close()
	api := ResourceServerSettings{Identifier: "a/b", Scopes: []ResourceScope{{Name: "read"}, {Name: "write"}}}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return resourceServers.Insert(tx, &ResourceServer{Pool: "p", Settings: api})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(r store.Reader) error {
		for pool, want := range map[string][]string{"p": {"a/b/read"}, "q": nil} {
			got, err := resourceScopes(r, pool, []string{"openid", "a/b/read", "a/b/delete", "a/read", "/"})
			if names := slices.Collect(maps.Keys(got)); err != nil || !slices.Equal(names, want) {
				t.Errorf("scopes of pool %s: %v, %v, want %v", pool, names, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
