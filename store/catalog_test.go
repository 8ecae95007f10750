package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A Toy belongs to a user of some pool.
type Toy struct{ Pool, Sub, Name string }

// A program declares its own tables and adds them to the catalog of the engine.
func ExampleCatalog() {
	toys := &store.Table[Toy]{
		Name:  "toys",
		Key:   func(t *Toy) string { return store.Key(t.Pool, t.Sub, t.Name) },
		Owner: store.OwnedByUser, // so the key begins with the pool and the sub
	}
	codes := &store.Table[Toy]{
		Name:   "toycodes",
		Key:    func(t *Toy) string { return store.Key(t.Pool, t.Sub) },
		Owner:  store.OwnedByUser,
		Secret: true,
	}
	ours := store.Catalog{toys} // a program begins with identity.Tables()
	all := ours.With(codes)
	if err := all.Err(); err != nil {
		fmt.Println(err)
	}
	fmt.Println("kept:", all.Tables())
	fmt.Println("encrypted:", all.SecretTables())

	ctx, s := context.Background(), memory.New()
	defer s.Close()
	err := s.Update(ctx, func(tx store.Tx) error {
		return errors.Join(
			toys.Insert(tx, &Toy{"pool", "alice", "ball"}),
			toys.Insert(tx, &Toy{"pool", "bob", "kite"}),
			codes.Insert(tx, &Toy{"pool", "alice", "1234"}),
		)
	})
	if err != nil {
		fmt.Println(err)
	}
	n, err := all.Purge(ctx, s, store.OwnedByUser, "pool", "alice") // an engine does so when it deletes alice
	fmt.Println("deleted:", n, err)
	// Output:
	// kept: [toys toycodes]
	// encrypted: [toycodes]
	// deleted: 2 <nil>
}

func TestCatalogRefusesWrongDeclarations(t *testing.T) {
	ix := &store.Index[Toy]{Name: "ix", Keys: func(*Toy) []string { return nil }}
	expires := func(*Toy) time.Time { return time.Time{} }
	for _, tt := range []struct {
		name string
		edit func(*store.Table[Toy])
		want string // "" where nothing is wrong
	}{
		{"nothing", func(*store.Table[Toy]) {}, ""},
		{"no owner", func(t *store.Table[Toy]) { t.Owner = "" }, "unknown owner"},
		{"an unknown owner", func(t *store.Table[Toy]) { t.Owner = "team" }, "unknown owner"},
		{"nobody, for ever", func(t *store.Table[Toy]) { t.Owner = store.OwnedByNobody }, "does not expire"},
		{"nobody, for a time", func(t *store.Table[Toy]) { t.Owner, t.Expires = store.OwnedByNobody, expires }, ""},
		{"no name", func(t *store.Table[Toy]) { t.Name = "" }, "no name"},
		{"no key", func(t *store.Table[Toy]) { t.Key = nil }, "no key"},
		{"another's index", func(t *store.Table[Toy]) { t.OwnerIndex = ix }, "OwnerIndex"},
		{"an index", func(t *store.Table[Toy]) { t.OwnerIndex, t.Indexes = ix, []*store.Index[Toy]{ix} }, ""},
		{"an index of nobody", func(t *store.Table[Toy]) {
			t.Owner, t.OwnerIndex, t.Indexes = store.OwnedByEngine, ix, []*store.Index[Toy]{ix}
		}, "OwnerIndex"},
		{"keys of users", func(t *store.Table[Toy]) { t.UserKeys = func(_, _ string) []string { return nil } }, ""},
		{"keys of users of none", func(t *store.Table[Toy]) {
			t.Owner, t.UserKeys = store.OwnedByPool, func(_, _ string) []string { return nil }
		}, "UserKeys"},
		{"slack without expiry", func(t *store.Table[Toy]) { t.Slack = 1 }, "Slack"},
		{"a view", func(t *store.Table[Toy]) {
			t.Views = []store.View{{Name: "v", Columns: []store.Column{{Name: "c", Type: store.TimeColumn}}}}
		}, ""},
		{"a view of a secret", func(t *store.Table[Toy]) {
			t.Secret, t.Views = true, []store.View{{Name: "v", Query: "select 1"}}
		}, "secret and has a view"},
		{"a view without columns", func(t *store.Table[Toy]) { t.Views = []store.View{{Name: "v"}} }, "exactly one of columns"},
		{"a column of no type", func(t *store.Table[Toy]) {
			t.Views = []store.View{{Name: "v", Columns: []store.Column{{Name: "c", Type: "text; drop table users"}}}}
		}, "unknown type"},
		{"the name of another", func(t *store.Table[Toy]) { t.Name = "pets.names" }, "two tables"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := &store.Table[Toy]{Name: "toys", Key: func(t *Toy) string { return store.Key(t.Pool, t.Sub) }, Owner: store.OwnedByUser}
			tt.edit(table)
			others := &store.Table[Pet]{Name: "pets", Key: pets.Key, Owner: store.OwnedByEngine, Indexes: pets.Indexes}
			err := store.Catalog{others}.With(table).Err()
			if tt.want == "" && err != nil {
				t.Errorf("Err = %v", err)
			}
			if tt.want != "" && (!errors.Is(err, store.ErrCatalog) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Err = %v, want one that tells of %q", err, tt.want)
			}
		})
	}
}

func TestWithLeavesTheCatalogAsItWas(t *testing.T) {
	table := func(name string) store.AnyTable {
		return &store.Table[Toy]{Name: name, Key: func(*Toy) string { return "k" }, Owner: store.OwnedByEngine}
	}
	base := slices.Grow(store.Catalog{table("a")}, 4)
	b, c := base.With(table("b")), base.With(table("c"))
	if got := fmt.Sprint(base.Tables(), b.Tables(), c.Tables()); got != "[a] [a b] [a c]" {
		t.Errorf("got %s", got)
	}
}

// An id that names too little must not delete the records of others.
func TestPurgeWantsAWholeID(t *testing.T) {
	s := memory.New()
	defer s.Close()
	c := store.Catalog{&store.Table[Toy]{Name: "toys", Key: func(t *Toy) string { return store.Key(t.Pool, t.Sub) }, Owner: store.OwnedByUser}}
	for _, tt := range []struct {
		owner store.Owner
		id    []string
	}{
		{store.OwnedByUser, []string{"pool"}},
		{store.OwnedByUser, []string{"pool", ""}},
		{store.OwnedByPool, nil},
		{store.OwnedByPool, []string{""}},
		{store.OwnedByEngine, nil},
		{store.OwnedByNobody, nil},
		{"", nil},
		{"team", []string{"x"}},
	} {
		if _, err := c.Purge(t.Context(), s, tt.owner, tt.id...); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Purge of %s %q = %v, want ErrInvalid", tt.owner, tt.id, err)
		}
	}
}
