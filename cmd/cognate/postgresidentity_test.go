package main_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// The engine on PostgreSQL is tested here, where the engine and the driver are both linked. What the driver does by itself is
// tested in store/postgres.

// A tracer counts round trips to the database.
type tracer struct{ n atomic.Int64 }

func (c *tracer) RoundTrip() { c.n.Add(1) }

// A house is an engine in a database, with a pool in which alice is confirmed.
type house struct {
	address string
	trips   *tracer
	commits *atomic.Int64
	pool    *identity.UserPool
	outbox  *identity.Outbox
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{address: postgrestest.Address(t), trips: &tracer{}, commits: &atomic.Int64{}}
	s := postgrestest.Open(t, h.address, &postgres.Options{Tracer: h.trips, Views: identity.Tables().Views()})
	t.Cleanup(func() { s.Close() })
	outbox := identity.NewOutbox(0)
	pool, err := identity.New(committed{s, h.commits}, &identity.Options{Sender: outbox, InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", &identity.PoolSettings{
		MaxSignIns: new(0), // by default about one sign-in in 12 counts those that stand, in two more round trips
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pool, h.outbox = pool, outbox
	_, err = pool.SignUp(t.Context(), identity.SignUp{
		Username: "alice", Password: password, Attributes: map[string]string{"email": "alice@example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	code := identity.Secret(outbox.LastCode("alice@example.com"))
	if err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: code}); err != nil {
		t.Fatal(err)
	}
	return h
}

// signIn signs alice in and reads who she is, as GetUser does.
func (h *house) signIn(t *testing.T) (signIn, getUser int64) {
	t.Helper()
	h.trips.n.Store(0)
	in, err := h.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	signIn = h.trips.n.Swap(0)
	s, err := h.pool.Session(t.Context(), in.Tokens.Access)
	if err != nil {
		t.Fatal(err)
	}
	if s.Claims().Username != "alice" {
		t.Errorf("signed in as %s", s.Claims().Username)
	}
	return signIn, h.trips.n.Swap(0)
}

func TestRoundTripsOfASignIn(t *testing.T) {
	h := newHouse(t)
	h.signIn(t) // makes the keys of the pool
	for _, when := range []string{"at first", "after a rotation of the keys"} {
		signIn, getUser := h.signIn(t)
		t.Logf("%s a sign-in takes %d round trips, a session %d", when, signIn, getUser)
		if signIn > 3 || getUser != 1 {
			t.Errorf("%s a sign-in takes %d round trips, want 3 at most; a session %d, want 1", when, signIn, getUser)
		}
		if err := h.pool.Admin().RotateKeys(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Where the settings limit sessions, a sign-in reads those that there are, in two more round trips, or three if one
// ends. A session is checked as before.
func TestRoundTripsOfTrackedSessions(t *testing.T) {
	h := newHouse(t)
	h.signIn(t) // makes the keys of the pool
	_, err := h.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: 2}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		signIn, getUser := h.signIn(t)
		if want := int64(5 + min(i, 1)); signIn > want || getUser != 1 {
			t.Errorf("sign-in %d takes %d round trips, want %d at most; a session %d, want 1", i, signIn, want, getUser)
		}
	}
	h.trips.n.Store(0)
	page, _, err := h.pool.Admin().Users().Sessions(t.Context(), "alice", identity.SessionQuery{})
	if err != nil || len(page) != 2 {
		t.Fatalf("%d sessions, %v, want 2", len(page), err)
	}
	if trips := h.trips.n.Swap(0); trips > 5 {
		t.Errorf("a list takes %d round trips, want 5 at most", trips)
	}
}

// A refresh that rotates writes its family in one transaction; one that does not rotate
// writes nothing. What both read comes in one round trip.
func TestRoundTripsAndCommitsOfARefresh(t *testing.T) {
	for _, tt := range []struct {
		name           string
		rotates        bool
		trips, commits int64
	}{
		{"rotating", true, 3, 1},
		{"not rotating", false, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			_, err := h.pool.Admin().Clients().Update(t.Context(), h.pool.ClientID(), func(c *identity.ClientSettings) error {
				c.Rotation = &identity.RefreshRotation{Enabled: tt.rotates}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			in, err := h.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
			if err != nil {
				t.Fatal(err)
			}
			commits := h.commits.Load()
			h.trips.n.Store(0)
			if _, err := h.pool.Refresh(t.Context(), identity.Refresh{Token: in.Tokens.Refresh, Rotating: tt.rotates}); err != nil {
				t.Fatal(err)
			}
			if trips, commits := h.trips.n.Load(), h.commits.Load()-commits; trips != tt.trips || commits != tt.commits {
				t.Errorf("%d round trips and %d commits, want %d and %d", trips, commits, tt.trips, tt.commits)
			}
		})
	}
}

// committed counts the transactions of a store that may write.
type committed struct {
	store.Store
	n *atomic.Int64
}

func (s committed) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	if err == nil {
		s.n.Add(1)
	}
	return err
}

func TestViews(t *testing.T) {
	h := newHouse(t)
	h.signIn(t)
	addToGroup(t, h)
	conn, schema := connect(t, h.address)
	_, err := conn.Exec(t.Context(), "insert into "+pgx.Identifier{schema, "events"}.Sanitize()+` (key, value) values ('old', jsonb_build_object(
		'v', 1, 'pool', 'p', 'time', now(), 'id', 'old', 'kind', 'SignInFailure', 'sub', 's'))`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ view, query, want string }{
		{"pools", "count(*), bool_and(created > now() - interval '1 hour')", "[1 true]"},
		{"clients", "count(*), bool_and(pool is not null)", "[1 true]"},
		{"users", "string_agg(concat_ws(' ', username, status, enabled, email, email_verified), ', ')", "[alice CONFIRMED t alice@example.com t]"},
		{"groups", "string_agg(name, ', ')", "[staff]"},
		{"memberships", "string_agg(username || ' in ' || group_name, ', ')", "[alice in staff]"},
		{"families", "count(*), bool_and(expires > now())", "[1 true]"},
		{"events", "bool_or(kind = 'SignedUp'), bool_or(kind = 'SignedIn'), bool_and(time > now() - interval '1 hour')", "[true true true]"},
		{"events where kind = 'SignedIn'", "string_agg(concat_ws(' ', actor, actor_id = sub, failure, request), ', ')", "[user t]"},
		{"events where id = 'old'", "string_agg(concat_ws(' ', kind, failure, sub, data), ', ')", "[SignInFailed WrongPassword s {}]"},
	} {
		view, where, _ := strings.Cut(tt.view, " ")
		rows, err := conn.Query(t.Context(), "select "+tt.query+" from "+pgx.Identifier{schema + "_views", view}.Sanitize()+" "+where)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			t.Fatalf("%s: %v", tt.view, err)
		}
		if got := fmt.Sprint(all[0]); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.view, got, tt.want)
		}
	}
	rows, err := conn.Query(t.Context(), "select count(*) from information_schema.views where table_schema = $1", schema+"_views")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || n != len(identity.Tables().Views()) {
		t.Errorf("%d views, %v", n, err)
	}
}

// A parcel is a record of a program that keeps its own tables beside those of the engine.
type parcel struct {
	Pool   string         `json:"pool"`
	Sub    string         `json:"sub"`
	ID     string         `json:"id"`
	Weight int            `json:"weight"`
	Sent   time.Time      `json:"sent"`
	To     map[string]any `json:"to"`
}

// A table that a program has added gets its view, with its columns typed, beside
// those of the engine, and its records go with their user.
func TestViewOfATableThatAProgramHasAdded(t *testing.T) {
	parcels := &store.Table[parcel]{
		Name: "Parc'els", Owner: store.OwnedByUser, Key: func(p *parcel) string { return store.Key(p.Pool, p.Sub, p.ID) },
		Views: []store.View{{Name: "parcels", Columns: []store.Column{
			{Name: "sub"},
			{Name: "weight", Type: store.NumberColumn},
			{Name: "sent", Type: store.TimeColumn},
			{Name: "it's heavy", Path: "to.heavy", Type: store.BoolColumn},
			{Name: "city", Path: `to.c'i\ty`},
			{Name: "address", Path: "to", Type: store.JSONColumn},
		}}},
	}
	all := identity.Tables().With(parcels)
	address := postgrestest.Address(t)
	s := postgrestest.Open(t, address, &postgres.Options{Views: all.Views()})
	t.Cleanup(func() { s.Close() })
	pool, err := identity.New(s, &identity.Options{Catalog: all, Sender: identity.NewOutbox(0), InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": "alice@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx store.Tx) error {
		return parcels.Insert(tx, &parcel{pool.PoolID(), u.Sub, "1", 7, time.Unix(1e9, 0), map[string]any{"heavy": true, `c'i\ty`: "Ulm"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, schema := connect(t, address)
	view := pgx.Identifier{schema + "_views", "parcels"}.Sanitize()
	var got string
	err = conn.QueryRow(t.Context(), `select concat_ws(' ', sub = $1, weight + 1, extract(epoch from sent)::bigint, not "it's heavy", city, address->>'heavy') from `+view, u.Sub).Scan(&got)
	if want := "t 8 1000000000 f Ulm true"; err != nil || got != want {
		t.Errorf("the view shows %q, %v, want %q", got, err, want)
	}
	if err := pool.Admin().Users().Delete(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := conn.QueryRow(t.Context(), "select count(*) from "+view).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d parcels are left of a deleted user, %v", left, err)
	}
}

// Deleting a user reads each table of users once.
func TestRoundTripsOfADeletion(t *testing.T) {
	h := newHouse(t)
	h.signIn(t)
	h.trips.n.Store(0)
	if err := h.pool.Admin().Users().Delete(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	n := h.trips.n.Load()
	t.Logf("a deletion takes %d round trips", n)
	if n > 18 { // the outbox, devices, passkeys, recovery codes, consents and tokens of providers are six of the tables
		t.Errorf("a deletion takes %d round trips, want 18 at most", n)
	}
}

// Who was let read a view still may when a later version has added to it, and
// what others built on it is there.
func TestViewsAreReplacedInTheirPlace(t *testing.T) {
	address := postgrestest.Address(t)
	conn, schema := connect(t, address)
	open := func(columns ...string) error {
		view := store.View{Name: "v", Tables: []string{"users"}, Query: "select " + strings.Join(columns, ", ") + " from users"}
		s, err := postgres.Open(t.Context(), address, &postgres.Options{Views: []store.View{view}})
		if err == nil {
			s.Close()
		}
		return err
	}
	v := pgx.Identifier{schema + "_views", "v"}.Sanitize()
	if err := open("value as a"); err != nil {
		t.Fatal(err)
	}
	built := pgx.Identifier{schema, "report"}.Sanitize()
	if _, err := conn.Exec(t.Context(), "grant select on "+v+" to public; create view "+built+" as select a from "+v); err != nil {
		t.Fatal(err)
	}
	if err := open("value as a", "key as b"); err != nil {
		t.Fatal(err)
	}
	var granted bool
	err := conn.QueryRow(t.Context(), "select relacl::text like '%{=r/%' or relacl::text like '%,=r/%' from pg_class where oid = $1::regclass", v).Scan(&granted)
	if err != nil || !granted {
		t.Errorf("the right to read the view: %v, %v", granted, err)
	}
	if _, err := conn.Exec(t.Context(), "select b from "+v+"; select a from "+built+"; drop view "+built); err != nil {
		t.Error(err)
	}
	if err := open("key as c"); err != nil {
		t.Errorf("other columns: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "select c from "+v); err != nil {
		t.Error(err)
	}
}

// A schema that happens to have the name of that of the views is left alone.
func TestViewsLeaveOthersAlone(t *testing.T) {
	address := postgrestest.Address(t)
	conn, schema := connect(t, address)
	theirs := pgx.Identifier{schema + "_views"}.Sanitize()
	if _, err := conn.Exec(t.Context(), "create schema "+theirs+"; create table "+theirs+".precious (n int)"); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), address, &postgres.Options{Views: identity.Tables().Views()})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "it holds something else") {
		t.Errorf("Open = %v", err)
	}
	if _, err := conn.Exec(t.Context(), "select from "+theirs+".precious"); err != nil {
		t.Error(err)
	}
}

// Who may make no schemas uses those that were made for it.
func TestSchemasThatAreThere(t *testing.T) {
	address := postgrestest.Address(t)
	conn, schema := connect(t, address)
	role := strings.ToLower("role_" + rand.Text())
	for _, name := range []string{schema, schema + "_views"} {
		_, err := conn.Exec(t.Context(), "do $$ begin if to_regrole('"+role+"') is null then create role "+role+" login; end if; end $$;"+
			"create schema "+pgx.Identifier{name}.Sanitize()+" authorization "+role)
		if err != nil {
			t.Fatal(err)
		}
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
	s := postgrestest.Open(t, u.String(), &postgres.Options{Views: identity.Tables().Views()})
	s.Close()
}

// connect connects to the database at the address of a store, and tells its schema.
func connect(t *testing.T, address string) (conn *pgx.Conn, schema string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Del("schema") // pgx does not know it
	plain := *u
	plain.RawQuery = query.Encode()
	conn, err = pgx.Connect(t.Context(), plain.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn, u.Query().Get("schema")
}

func addToGroup(t *testing.T, h *house) {
	t.Helper()
	admin := h.pool.Admin()
	if _, err := admin.Groups().Create(t.Context(), identity.GroupSettings{Name: "staff"}); err != nil {
		t.Fatal(err)
	}
	if err := admin.Users().AddToGroup(t.Context(), "alice", "staff"); err != nil {
		t.Fatal(err)
	}
}

// The number of round trips does not reveal whether a user exists.
func TestRoundTripsDoNotTellWhoExists(t *testing.T) {
	h := newHouse(t)
	h.signIn(t)
	failed := func(name string) int64 {
		h.trips.n.Store(0)
		if _, err := h.pool.SignIn(t.Context(), identity.SignIn{Username: name, Password: "wrong"}); err == nil {
			t.Errorf("%s was signed in", name)
		}
		return h.trips.n.Load()
	}
	if known, unknown := failed("alice"), failed("Bob"); known != unknown || known > 3 {
		t.Errorf("a wrong password takes %d round trips, an unknown name %d; want the same, at most 3", known, unknown)
	}
}

// Records of users that version 1 wrote are read, and the view shows old and new ones in one shape.
func TestUsersOfVersion1(t *testing.T) {
	text, err := os.ReadFile("../../identity/testdata/users-v1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	address := postgrestest.Address(t)
	s := postgrestest.Open(t, address, &postgres.Options{Views: identity.Tables().Views()})
	t.Cleanup(func() { s.Close() })
	pool, err := identity.New(s, &identity.Options{InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	users := pool.Admin().Users()
	shown := map[string]string{
		"none": `{}`, "app": `{"totp": true, "preferred": "SOFTWARE_TOKEN_MFA"}`,
		"text": `{"sms": true}`, "either": `{"sms": true, "totp": true, "preferred": "SMS_MFA"}`,
	}
	var subs []string
	for line := range strings.Lines(string(text)) {
		var rec map[string]any
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatal(err)
		}
		rec["pool"] = pool.PoolID()
		value, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		sub := rec["sub"].(string)
		subs = append(subs, sub)
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Insert("users", store.Key(pool.PoolID(), sub), value) }); err != nil {
			t.Fatal(err)
		}
		u, err := users.Get(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Count(shown[u.Username], "true"); len(u.MFA.Methods) != want {
			t.Errorf("%s has the second factors %q, want %d", u.Username, u.MFA.Methods, want)
		}
	}
	wantShown(t, address, "old records", shown)
	for _, sub := range subs { // writes each record anew
		if err := users.UpdateAttributes(t.Context(), sub, map[string]string{"nickname": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	wantShown(t, address, "new records", shown)
}

// wantShown holds the column mfa of the view of users to what it should be, by username.
func wantShown(t *testing.T, address, what string, want map[string]string) {
	t.Helper()
	conn, schema := connect(t, address)
	rows, err := conn.Query(t.Context(), "select username, mfa from "+pgx.Identifier{schema + "_views", "users"}.Sanitize())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var name string
		var got, wanted map[string]any
		if err := rows.Scan(&name, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want[name]), &wanted); err != nil {
			t.Fatal(err)
		}
		if n++; !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: the view shows %v of %s, want %v", what, got, name, wanted)
		}
	}
	if err := rows.Err(); err != nil || n != len(want) {
		t.Errorf("%s: %d users, %v, want %d", what, n, err, len(want))
	}
}
