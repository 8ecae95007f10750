package identity

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// TestCheckFindsOrphans writes a record that belongs to nothing to each table, one at a time.
func TestCheckFindsOrphans(t *testing.T) {
	for _, tt := range []struct {
		name, table, owner string
		write              func(store.Tx) error
	}{
		{"client", "clients", "pools", func(tx store.Tx) error { return clients.Insert(tx, &ClientInfo{ID: "c", Pool: "no"}) }},
		{"secret", "clientsecrets", "clients", func(tx store.Tx) error { return clientSecrets.Insert(tx, &clientSecret{Client: "no"}) }},
		{"keys", "keyrings", "pools", func(tx store.Tx) error { return keyrings.Insert(tx, &keyring{Pool: "no"}) }},
		{"user", "users", "pools", func(tx store.Tx) error { return users.Insert(tx, &User{Pool: "no", Sub: "s"}) }},
		{"member", "users", "groups", func(tx store.Tx) error {
			return users.Insert(tx, &User{Pool: "p", Sub: "s", Groups: []string{"no"}})
		}},
		{"group", "groups", "pools", func(tx store.Tx) error { return groups.Insert(tx, &Group{Pool: "no", ID: "g"}) }},
		{"app", "totps", "users", func(tx store.Tx) error { return totps.Insert(tx, &totp{Pool: "p", Sub: "no"}) }},
		{"credential", "credentials", "users", func(tx store.Tx) error { return credentials.Insert(tx, &credential{Pool: "p", Sub: "no"}) }},
		{"sign-in", "families", "pools", func(tx store.Tx) error { return families.Insert(tx, &family{Pool: "no", Sub: "s", ID: "f"}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := memory.New()
			defer s.Close()
			update := func(fn func(store.Tx) error) {
				if err := s.Update(t.Context(), fn); err != nil {
					t.Fatal(err)
				}
			}
			update(func(tx store.Tx) error { return pools.Insert(tx, &PoolInfo{ID: "p"}) })
			update(tt.write)
			found := checked(t, s)
			if len(found) != 1 || found[0].Table != tt.table || !strings.Contains(found[0].What, tt.owner) {
				t.Errorf("Check found %v, want one of %s about %s", found, tt.table, tt.owner)
			}
			if tt.owner == "clients" {
				return // goes with its client
			}
			update(func(tx store.Tx) error {
				for _, pool := range []string{"no", "p"} {
					if err := poolTombstones.Put(tx, &poolTombstone{Pool: pool}); err != nil {
						return err
					}
				}
				return nil
			})
			if found := checked(t, s); len(found) > 0 {
				t.Errorf("Check found %v in a deleted pool", found)
			}
		})
	}
}

func checked(t *testing.T, s store.Store) (out []store.Problem) {
	t.Helper()
	if err := Check(t.Context(), s, Tables(), func(p store.Problem) { out = append(out, p) }); err != nil {
		t.Fatal(err)
	}
	return out
}
