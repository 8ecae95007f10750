package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
	"github.com/jackc/pgx/v5"
)

// Nodes that start at the same time make the schema and its tables together.
func TestNodesThatStartTogether(t *testing.T) {
	address := postgrestest.Address(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			s, err := postgres.Open(t.Context(), address, &postgres.Options{MaxConns: 2})
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer s.Close()
			err = s.Update(t.Context(), func(tx store.Tx) error {
				return errors.Join(tx.Insert("table", fmt.Sprint(i), []byte("1")), tx.Insert(fmt.Sprintf("table%d", i/2), fmt.Sprint(i), []byte("1")))
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	group.Wait()
}

// A table that another node makes is seen, and one of which this node knows
// nothing is no obstacle to a transaction that is under way.
func TestTableMadeByAnotherNode(t *testing.T) {
	address := postgrestest.Address(t)
	a, b := postgrestest.Open(t, address, nil), postgrestest.Open(t, address, nil)
	defer a.Close()
	defer b.Close()
	err := a.View(t.Context(), func(r store.Reader) error {
		if _, err := r.Get(store.Ref{Table: "first", Key: "key"}); err != nil {
			return err
		}
		put(t, b, "key")
		values, err := r.Get(store.Ref{Table: "table", Key: "key"})
		if err == nil && values[0] != nil {
			t.Error("a snapshot shows what was written after it")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !has(t, a, "key") {
		t.Error("what another node wrote is not seen")
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	address := postgrestest.Address(t)
	s := postgrestest.Open(t, address, nil)
	put(t, s, "key")
	s.Close()
	bare, schema, _ := strings.Cut(strings.Replace(address, "?sslmode=disable&", "?", 1), "schema=")
	schema, _, _ = strings.Cut(schema, "&")
	conn, err := pgx.Connect(t.Context(), strings.TrimRight(bare, "?&"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "update "+pgx.Identifier{schema, "cognate_meta"}.Sanitize()+" set number = 99"); err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Open(t.Context(), address, nil)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("got %v, want %v", err, store.ErrNewer)
	}
}

// Writers of ascending keys with unique index entries do not get in each other's way.
func TestInsertsOfAscendingKeysDoNotConflict(t *testing.T) {
	s := open(t)
	defer s.Close()
	var calls atomic.Int64
	const writers, each = 16, 40
	var next atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				key := fmt.Sprintf("user%08d", next.Add(1))
				err := s.Update(context.Background(), func(tx store.Tx) error {
					calls.Add(1)
					return errors.Join(tx.Insert("users", key, []byte(`{"a":1}`)), tx.Insert("users.names", key, []byte(`"n"`)),
						tx.Put("users.search", key, []byte(`1`)))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	group.Wait()
	if got := calls.Load(); got > writers*each*11/10 {
		t.Errorf("%d sign-ups took %d tries", writers*each, got)
	}
}

type tracer struct{ n atomic.Int64 }

func (c *tracer) RoundTrip() { c.n.Add(1) }

func TestRoundTrips(t *testing.T) {
	var c tracer
	s := postgrestest.Open(t, postgrestest.Address(t), &postgres.Options{Tracer: &c})
	defer s.Close()
	put(t, s, "key")
	ref := func(key string) store.Ref { return store.Ref{Table: "table", Key: key} }
	for _, tt := range []struct {
		name string
		want int64
		run  func() error
	}{
		{"a View that reads nothing", 0, func() error {
			return s.View(t.Context(), func(store.Reader) error { return nil })
		}},
		{"a View with one Get of three", 1, func() error {
			return s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Get(ref("key"), ref("other"), store.Ref{Table: "others", Key: "key"})
				return err
			})
		}},
		{"an Update that only writes", 1, func() error {
			return s.Update(t.Context(), func(tx store.Tx) error {
				return errors.Join(tx.Insert("table", "new", []byte("1")), tx.Put("table", "key", []byte("2")), tx.Delete("others", "key"))
			})
		}},
		{"an Update that reads once", 2, func() error {
			return s.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.Get(ref("key"))
				return errors.Join(err, tx.Put("table", "key", []byte("3")))
			})
		}},
		{"an Update that writes nothing", 0, func() error {
			return s.Update(t.Context(), func(store.Tx) error { return nil })
		}},
		{"a scan of 101", 2, func() error {
			return s.View(t.Context(), func(r store.Reader) error {
				for _, err := range r.Scan("many", store.Range{Limit: 101}) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}},
	} {
		if tt.name == "a scan of 101" {
			many(t, s)
		}
		c.n.Store(0)
		if err := tt.run(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := c.n.Load(); got != tt.want {
			t.Errorf("%s takes %d round trips, want %d", tt.name, got, tt.want)
		}
	}
}

func many(t *testing.T, s store.Store) {
	t.Helper()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := range 300 {
			if err := tx.Put("many", fmt.Sprint(i), []byte("1")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A database in another encoding would take users until one has a name that it cannot hold.
func TestOtherEncodingIsRefused(t *testing.T) {
	u, name, exec := superuser(t)
	exec("create database " + name + " encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0")
	t.Cleanup(func() { exec("drop database " + name + " with (force)") })
	u.Path = "/" + name
	s, err := postgres.Open(t.Context(), u.String(), nil)
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "the database has the encoding LATIN1, but must have UTF8") {
		t.Errorf("Open = %v", err)
	}
}

// A table is looked for by a connection of its own, and there may be none for a moment.
func TestTableIsLookedForAgain(t *testing.T) {
	address := postgrestest.Address(t)
	postgrestest.Open(t, address, nil).Close()
	conn, schema := connect(t, address)
	role := strings.ToLower("role_" + rand.Text())
	quoted := pgx.Identifier{schema}.Sanitize()
	_, err := conn.Exec(t.Context(), "create role "+role+" login connection limit 2; grant usage, create on schema "+quoted+" to "+role+
		"; grant all on all tables in schema "+quoted+" to "+role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.Background(), "drop owned by "+role+" cascade; drop role "+role); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	s := postgrestest.Open(t, u.String(), &postgres.Options{MaxConns: 1})
	defer s.Close()
	err = s.View(t.Context(), func(r store.Reader) error {
		if _, err := r.Get(store.Ref{Table: "first", Key: "k"}); err != nil {
			return err
		}
		other, err := pgx.Connect(t.Context(), withoutSchema(u))
		if err != nil {
			return err
		}
		go func() {
			time.Sleep(20 * time.Millisecond)
			other.Close(context.Background())
		}()
		_, err = r.Get(store.Ref{Table: "second", Key: "k"})
		return err
	})
	if err != nil {
		t.Errorf("View = %v", err)
	}
}

// connect connects to the database at the address of a store, and tells its schema.
func connect(t *testing.T, address string) (conn *pgx.Conn, schema string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err = pgx.Connect(t.Context(), withoutSchema(u))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn, u.Query().Get("schema")
}

// withoutSchema is an address that pgx takes.
func withoutSchema(u *url.URL) string {
	plain := *u
	query := plain.Query()
	query.Del("schema")
	plain.RawQuery = query.Encode()
	return plain.String()
}
