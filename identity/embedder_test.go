package identity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// The tables of a program that keeps its own records beside those of the engine.
type (
	vault   struct{ Pool, Sub, Seed string } // one for each user
	note    struct{ Pool, Sub, ID string }
	plan    struct{ Pool, ID string }
	consent struct{ Client, ID string }
	visit   struct {
		ID, Pool, Sub string
	}
	ticket struct {
		ID      string
		Expires time.Time
	}
)

var (
	vaults = &store.Table[vault]{
		Name: "vaults", Owner: store.OwnedByUser, Secret: true,
		Key: func(v *vault) string { return store.Key(v.Pool, v.Sub) },
	}
	notes = &store.Table[note]{
		Name: "notes", Owner: store.OwnedByUser,
		Key: func(n *note) string { return store.Key(n.Pool, n.Sub, n.ID) },
	}
	plans = &store.Table[plan]{
		Name: "plans", Owner: store.OwnedByPool,
		Key: func(p *plan) string { return store.Key(p.Pool, p.ID) },
	}
	consents = &store.Table[consent]{
		Name: "consents", Owner: store.OwnedByClient,
		Key: func(c *consent) string { return store.Key(c.Client, c.ID) },
	}
	visits = &store.Table[visit]{
		Name: "visits", Owner: store.OwnedByUser, OwnerIndex: visitsByUser,
		Key:     func(v *visit) string { return store.Key(v.ID) },
		Indexes: []*store.Index[visit]{visitsByUser},
	}
	visitsByUser = &store.Index[visit]{Name: "user", Keys: func(v *visit) []string {
		return []string{store.Key(v.Pool, v.Sub)}
	}}
	tickets = &store.Table[ticket]{
		Name: "tickets", Owner: store.OwnedByNobody, Expires: func(t *ticket) time.Time { return t.Expires }, Slack: time.Hour,
		Key: func(t *ticket) string { return store.Key(t.ID) },
	}
)

var embedded = identity.Tables().With(vaults, notes, plans, consents, visits, tickets)

const seed = "seed-of-a-vault-5c1e"

// An embedding is an engine with further tables on a sealed store, and two users in a pool.
type embedding struct {
	*fixture
	inner, sealed store.Store
	pool          *identity.UserPool
	alice, bob    string
	client        string
}

func embed(t *testing.T, inner store.Store) *embedding {
	t.Helper()
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	e := &embedding{inner: inner, sealed: sealed.New(inner, keys, embedded)}
	e.fixture = newEngineWith(t, &bounded{e.sealed, t}, func(o *identity.Options) { o.Catalog = embedded })
	e.pool = e.open(t, identity.PoolSettings{})
	e.alice, e.bob = e.join(t, e.pool, "alice", email).Sub, e.join(t, e.pool, "bob", "bob@example.com").Sub
	e.client = e.fixture.client(t, e.pool, identity.ClientSettings{}).ClientID()
	for _, sub := range []string{e.alice, e.bob} {
		e.write(t, func(tx store.Tx) error { return vaults.Insert(tx, &vault{e.pool.PoolID(), sub, seed}) })
		e.notes(t, sub, 3)
	}
	e.write(t, func(tx store.Tx) error {
		return errors.Join(
			plans.Insert(tx, &plan{e.pool.PoolID(), "p"}),
			consents.Insert(tx, &consent{e.client, "c"}), consents.Insert(tx, &consent{e.pool.ClientID(), "c"}),
			tickets.Insert(tx, &ticket{"t", e.now().Add(time.Minute)}),
		)
	})
	return e
}

// A bounded store holds each transaction to 500 records of a program's tables, and one of the engine's.
type bounded struct {
	store.Store
	t *testing.T
}

func (b *bounded) Update(ctx context.Context, fn func(store.Tx) error) error {
	return b.Store.Update(ctx, func(tx store.Tx) error {
		w := &boundedTx{Tx: tx}
		err := fn(w)
		if w.deleted > 500 {
			b.t.Errorf("one transaction deletes %d records", w.deleted)
		}
		return err
	})
}

type boundedTx struct {
	store.Tx
	deleted int
}

func (b *boundedTx) Delete(table, key string) error {
	if !strings.Contains(table, ".") && table != "users" && table != "clients" {
		b.deleted++
	}
	return b.Tx.Delete(table, key)
}

func (e *embedding) write(t *testing.T, fn func(store.Tx) error) {
	t.Helper()
	check(t, "Update", e.sealed.Update(t.Context(), fn))
}

// notes writes so many notes and visits of a user.
func (e *embedding) notes(t *testing.T, sub string, n int) {
	t.Helper()
	e.write(t, func(tx store.Tx) error {
		for i := range n {
			id := fmt.Sprint(n, i)
			err := errors.Join(
				notes.Insert(tx, &note{e.pool.PoolID(), sub, id}),
				visits.Insert(tx, &visit{sub + id, e.pool.PoolID(), sub}),
			)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// with are the entries of the store below, of all tables, that hold a text.
func (e *embedding) with(t *testing.T, text string) (found []string) {
	t.Helper()
	check(t, "View", e.inner.View(t.Context(), func(r store.Reader) error {
		for _, table := range embedded.Tables() {
			for entry, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				if strings.Contains(entry.Key+string(entry.Value), text) {
					found = append(found, table)
				}
			}
		}
		return nil
	}))
	return found
}

func (e *embedding) wantWhole(t *testing.T) {
	t.Helper()
	check(t, "Check", identity.Check(t.Context(), e.sealed, embedded, func(p store.Problem) { t.Error(p) }))
}

func TestTablesOfAProgramAreSealedBackedUpAndChecked(t *testing.T) {
	e := embed(t, memory.New())
	if found := e.with(t, seed); len(found) > 0 {
		t.Errorf("the secret is in clear in %q", found)
	}
	e.wantWhole(t)
	var file bytes.Buffer
	n, err := store.Backup(t.Context(), e.inner, &file, embedded, nil)
	check(t, "Backup", err)
	copied := *e
	copied.inner = memory.New()
	restored, err := store.Restore(t.Context(), copied.inner, bytes.NewReader(file.Bytes()), embedded, &store.RestoreOptions{InsecureUnauthenticated: true})
	check(t, "Restore", err)
	if restored != n || len(copied.with(t, "")) != len(e.with(t, "")) {
		t.Errorf("%d entries of %d are restored", restored, n)
	}
	for _, table := range []string{"vaults", "notes", "plans", "consents", "visits", "visits.user", "tickets", "tickets.expiry"} {
		if !strings.Contains(strings.Join(copied.with(t, ""), " ")+" ", table+" ") {
			t.Errorf("the backup lacks %s", table)
		}
	}
	for table, orphan := range map[string]func(store.Tx) error{
		"vaults":   func(tx store.Tx) error { return vaults.Insert(tx, &vault{e.pool.PoolID(), "no", seed}) },
		"notes":    func(tx store.Tx) error { return notes.Insert(tx, &note{e.pool.PoolID(), "no", "n"}) },
		"visits":   func(tx store.Tx) error { return visits.Insert(tx, &visit{"v", e.pool.PoolID(), "no"}) },
		"plans":    func(tx store.Tx) error { return plans.Insert(tx, &plan{"no", "p"}) },
		"consents": func(tx store.Tx) error { return consents.Insert(tx, &consent{"no", "c"}) },
	} {
		e.write(t, orphan)
		found := map[string]int{}
		check(t, "Check", identity.Check(t.Context(), e.sealed, embedded, func(p store.Problem) { found[p.Table]++ }))
		if found[table] != 1 {
			t.Errorf("Check found %v, want one problem of %s", found, table)
		}
	}
}

// butEvents are the tables of entries without those of events, which outlast what they tell of.
func butEvents(tables []string) []string {
	return slices.DeleteFunc(tables, func(name string) bool { return name == "events" || name == "events.expiry" })
}

func TestTablesOfAProgramAreErasedWithTheirOwner(t *testing.T) {
	if testing.Short() {
		t.Skip("writes thousands of records")
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			e := embed(t, back.open(t))
			e.notes(t, e.alice, 700)
			bobs := len(e.with(t, e.bob))
			check(t, "Delete bob", e.pool.Admin().Users().Delete(t.Context(), "bob"))
			if left := butEvents(e.with(t, e.bob)); len(left) > 0 {
				t.Errorf("of %d entries of bob are left %q", bobs, left)
			}
			check(t, "Delete alice", e.pool.Admin().Users().Delete(t.Context(), "alice"))
			if left := e.with(t, e.alice); len(left) < 700 {
				t.Errorf("%d entries are left before the sweep: more than 500 records went at once", len(left))
			}
			e.wantWhole(t)
			check(t, "Sweep", second(e.Sweep(t.Context())))
			if left := butEvents(e.with(t, e.alice)); len(left) > 0 {
				t.Errorf("after the sweep are left %q", left)
			}
			check(t, "Delete client", e.pool.Admin().Clients().Delete(t.Context(), e.client))
			if left := butEvents(e.with(t, e.client)); len(left) > 0 {
				t.Errorf("of the client are left %q", left)
			}
			e.wantWhole(t)
		})
	}
}

func TestRecordsOfAClientThatAreManyAreErased(t *testing.T) {
	if testing.Short() {
		t.Skip("writes thousands of records")
	}
	e := embed(t, memory.New())
	many := func(client string) {
		e.write(t, func(tx store.Tx) error {
			for i := range 1200 {
				if err := consents.Insert(tx, &consent{client, fmt.Sprint("many", i)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	many(e.client)
	many(e.pool.ClientID())
	check(t, "Delete client", e.pool.Admin().Clients().Delete(t.Context(), e.client))
	e.wantWhole(t)
	check(t, "Sweep", second(e.Sweep(t.Context())))
	if left := butEvents(e.with(t, e.client)); len(left) > 0 {
		t.Errorf("of the client are left %d", len(left))
	}
	check(t, "Delete pool", e.pool.Admin().Delete(t.Context()))
	check(t, "Sweep", second(e.Sweep(t.Context())))
	if left := e.with(t, "many"); len(left) > 0 {
		t.Errorf("of the client of a deleted pool are left %d", len(left))
	}
}

func TestTablesOfAProgramAreSweptAndBuried(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 700 records")
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			e := embed(t, back.open(t))
			e.notes(t, e.alice, 700)
			for _, tt := range []struct {
				after time.Duration
				want  int
			}{{time.Minute, 2}, {time.Hour, 0}} { // the slack of the table
				e.advance(tt.after)
				check(t, "Sweep", second(e.Sweep(t.Context())))
				if n := strings.Count(strings.Join(e.with(t, ""), " "), "tickets"); n != tt.want {
					t.Errorf("%d entries of tickets after %v, want %d", n, tt.after, tt.want)
				}
			}
			check(t, "Delete", e.pool.Admin().Delete(t.Context()))
			e.wantWhole(t)
			check(t, "Sweep", second(e.Sweep(t.Context())))
			if left := butEvents(e.with(t, "")); len(left) > 0 {
				t.Errorf("of the pool are left %q", left)
			}
		})
	}
}

// A store that was opened with the catalog of the engine, and not with that of
// the program, must not take the secrets of the program in clear.
func TestSecretTableIsNeverStoredInClear(t *testing.T) {
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	inner := memory.New()
	s := sealed.New(inner, keys, identity.Tables())
	f := newEngineWith(t, s, func(o *identity.Options) { o.Catalog = embedded })
	_, err = f.OpenUserPool(t.Context(), "main", nil)
	wantErr(t, "OpenUserPool", err, store.ErrUnsealed)
	_, err = f.Sweep(t.Context())
	wantErr(t, "Sweep", err, store.ErrUnsealed)
	for name, write := range map[string]func(store.Tx, *vault) error{"Insert": vaults.Insert, "Put": vaults.Put} {
		err := s.Update(t.Context(), func(tx store.Tx) error { return write(tx, &vault{"p", "s", seed}) })
		wantErr(t, name, err, store.ErrUnsealed)
	}
	e := &embedding{inner: inner}
	if found := e.with(t, ""); len(found) > 0 {
		t.Errorf("the store has entries in %q", found)
	}
}

func TestEngineRefusesACatalogThatLacksATable(t *testing.T) {
	undeclared := &store.Table[note]{Name: "undeclared", Key: notes.Key}
	for name, c := range map[string]store.Catalog{
		"empty": {}, "not ours": {notes}, "without an owner": identity.Tables().With(undeclared), "twice": embedded.With(notes),
	} {
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Catalog = c })
		_, err := f.OpenUserPool(t.Context(), "main", nil)
		wantErr(t, name, err, store.ErrCatalog)
	}
}
