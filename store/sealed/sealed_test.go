package sealed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
	"github.com/cognate-id/cognate/store/storetest"
)

func newKeys(t testing.TB) sealed.Keys {
	t.Helper()
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// secretTables is a catalog of secret tables with names.
func secretTables(names ...string) (c store.Catalog) {
	for _, name := range names {
		c = c.With(&store.Table[struct{}]{
			Name: name, Secret: true, Owner: store.OwnedByEngine, Key: func(*struct{}) string { return store.Key("one") },
		})
	}
	return c
}

func TestContractAboveMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return sealed.New(memory.New(), newKeys(t), secretTables("people", "table.x"))
	})
}

func TestContractAboveBolt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again; TestContractAboveMemory has run it once")
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := bolt.Open(filepath.Join(t.TempDir(), "store.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return storetest.Twice(sealed.New(s, newKeys(t), secretTables("people", "people.names")))
	})
}

func TestDurableAboveBolt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the checks of durability again; TestDurable of `store/bolt` has run them")
	}
	storetest.RunDurable(t, openAboveBolt)
	storetest.RunKill(t, openAboveBolt)
}

func openAboveBolt(t *testing.T, dir string) store.Store {
	keys, err := sealed.OpenKeyFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(filepath.Join(dir, "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.New(s, keys, secretTables("people", "people.names"))
}

func TestUnknownOutcome(t *testing.T) {
	storetest.RunUnknownOutcome(t, func(t *testing.T) (store.Store, func(storetest.Fate)) {
		var next atomic.Int32
		inner := storetest.Unsure(memory.New(), func() storetest.Fate { return storetest.Fate(next.Swap(0)) })
		return sealed.New(inner, newKeys(t), secretTables("table")), func(f storetest.Fate) { next.Store(int32(f)) }
	})
}

func put(t testing.TB, s store.Store, table, key, value string) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(table, key, []byte(value)) })
}

func get(t testing.TB, s store.Store, table, key string) (value string, err error) {
	t.Helper()
	err = s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: table, Key: key})
		if err != nil {
			return err
		}
		value = string(values[0])
		for e, err := range r.Scan(table, store.Range{From: key, Limit: 1}) {
			if err != nil {
				return err
			}
			if string(e.Value) != value {
				t.Errorf("Get returns %s, Scan %s", value, e.Value)
			}
		}
		return nil
	})
	return value, err
}

func TestSecretTablesAreUnreadableBelow(t *testing.T) {
	inner := memory.New()
	s := sealed.New(inner, newKeys(t), secretTables("secrets"))
	for _, table := range []string{"secrets", "plain"} {
		if err := put(t, s, table, "key", `{"seed":"hunter2"}`); err != nil {
			t.Fatal(err)
		}
		if got, err := get(t, s, table, "key"); err != nil || got != `{"seed":"hunter2"}` {
			t.Errorf("%s: got %s, %v", table, got, err)
		}
		below, err := get(t, inner, table, "key")
		if err != nil || strings.Contains(below, "hunter2") != (table == "plain") || !json.Valid([]byte(below)) {
			t.Errorf("%s: below is %s, %v", table, below, err)
		}
	}
	first, _ := get(t, inner, "secrets", "key")
	if err := put(t, s, "secrets", "key", `{"seed":"hunter2"}`); err != nil {
		t.Fatal(err)
	}
	if second, _ := get(t, inner, "secrets", "key"); first == second {
		t.Error("the same value is sealed to the same bytes")
	}
}

func TestSealedValueIsRefusedElsewhere(t *testing.T) {
	inner := memory.New()
	s := sealed.New(inner, newKeys(t), secretTables("secrets", "others"))
	if err := put(t, s, "secrets", "key", `"hunter2"`); err != nil {
		t.Fatal(err)
	}
	value, err := get(t, inner, "secrets", "key")
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(value, `"sealed":"`, `"sealed":"AAAA`, 1)
	for _, tt := range []struct{ name, table, key, value string }{
		{"at another key", "secrets", "other", value},
		{"in another table", "others", "key", value},
		{"altered", "secrets", "altered", altered},
		{"not sealed", "secrets", "plain", `"hunter2"`},
		{"not sealed, an object", "secrets", "object", `{"seed":"hunter2"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := put(t, inner, tt.table, tt.key, tt.value); err != nil {
				t.Fatal(err)
			}
			got, err := get(t, s, tt.table, tt.key)
			if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), strconv.Quote(tt.key)+" in "+tt.table) {
				t.Errorf("got %s, %v, want %v, and where", got, err, store.ErrCorrupt)
			}
		})
	}
}

func TestWrongKeyIsNamed(t *testing.T) {
	inner := memory.New()
	if err := put(t, sealed.New(inner, newKeys(t), secretTables("secrets")), "secrets", "key", `"hunter2"`); err != nil {
		t.Fatal(err)
	}
	other := sealed.New(inner, newKeys(t), secretTables("secrets"))
	if _, err := get(t, other, "secrets", "key"); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("View: got %v, want %v", err, sealed.ErrWrongKey)
	}
	err := other.Update(t.Context(), func(tx store.Tx) error {
		_, _ = tx.Get(store.Ref{Table: "secrets", Key: "key"}) // swallowed
		return tx.Put("plain", "key", []byte("1"))
	})
	if !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("Update that swallowed it: got %v, want %v", err, sealed.ErrWrongKey)
	}
}

func TestFirstKeySealsAndAllOpen(t *testing.T) {
	dir := t.TempDir()
	read := func(name string) string {
		if _, err := sealed.OpenKeyFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	older, newer := read("old"), read("new")
	both := filepath.Join(dir, "both")
	if err := os.WriteFile(both, []byte(newer+older), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(name string, inner store.Store) store.Store {
		keys, err := sealed.OpenKeyFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return sealed.New(inner, keys, secretTables("secrets"))
	}
	inner := memory.New()
	if err := put(t, open("old", inner), "secrets", "1", `"one"`); err != nil {
		t.Fatal(err)
	}
	if err := put(t, open("both", inner), "secrets", "2", `"two"`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, key string
		want      error
	}{{"both", "1", nil}, {"both", "2", nil}, {"new", "2", nil}, {"new", "1", sealed.ErrWrongKey}, {"old", "2", sealed.ErrWrongKey}} {
		if _, err := get(t, open(tt.file, inner), "secrets", tt.key); !errors.Is(err, tt.want) {
			t.Errorf("key file %s, value %s: got %v, want %v", tt.file, tt.key, err, tt.want)
		}
	}
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	inner := memory.New()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			keys, err := sealed.OpenKeyFile(path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := put(t, sealed.New(inner, keys, secretTables("secrets")), "secrets", fmt.Sprint(i), `"x"`); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	keys, err := sealed.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if _, err := get(t, sealed.New(inner, keys, secretTables("secrets")), "secrets", fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v, want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("the directory holds %v, want the key file alone", entries)
	}
}

func TestBadKeyFileIsRefused(t *testing.T) {
	good := filepath.Join(t.TempDir(), "key")
	if _, err := sealed.OpenKeyFile(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text, says string
		mode             os.FileMode
	}{
		{"others can read it", string(text), "others can read", 0o644},
		{"the group can read it", string(text), "others can read", 0o640},
		{"empty", "", "has no key", 0o600},
		{"cut off", string(text[:len(text)-5]), "malformed", 0o600},
		{"something else", "hello\n", "malformed", 0o600},
		{"one good and one bad", string(text) + "aes256gcm AAAA\n", "malformed", 0o600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.mode != 0o600 {
				t.Skip("no such modes here")
			}
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := sealed.OpenKeyFile(path)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error with %q and the path", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "aes256gcm A") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

func TestKeysPrintAsRedacted(t *testing.T) {
	keys := newKeys(t)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "keys", keys)
	for _, got := range []string{fmt.Sprintf("%v %+v %#v %s %x", keys, keys, keys, keys, &keys), log.String()} {
		if strings.Count(got, "[redacted]") == 0 || strings.Contains(got, "aead") || len(got) > 200 {
			t.Errorf("keys print as %s", got)
		}
	}
}

// plain has none of the further powers.
type plain struct{ store.Store }

type loading struct{ plain }

func (loading) BulkLoad(context.Context, iter.Seq2[store.Ref, []byte]) error { return nil }

func TestPowersAreThoseOfTheStoreBelow(t *testing.T) {
	for _, tt := range []struct {
		name        string
		inner       store.Store
		fork, loads bool
	}{
		{"none", plain{memory.New()}, false, false},
		{"loads", loading{plain{memory.New()}}, false, true},
		{"both", memory.New(), true, true},
	} {
		for wrapper, s := range map[string]store.Store{"sealed": sealed.New(tt.inner, newKeys(t), nil), "twice": storetest.Twice(tt.inner)} {
			_, fork := s.(store.Forker)
			_, loads := s.(store.BulkLoader)
			if fork != tt.fork || loads != tt.loads {
				t.Errorf("%s above %s: Forker %v, BulkLoader %v, want %v, %v", wrapper, tt.name, fork, loads, tt.fork, tt.loads)
			}
		}
	}
}
