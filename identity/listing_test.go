package identity_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// enroll makes a user as an operator does, and returns the sub.
func enroll(t testing.TB, pool *identity.UserPool, name string, attributes map[string]string) string {
	t.Helper()
	u, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: name, Attributes: attributes, SuppressInvitation: true})
	if err != nil {
		t.Fatalf("Create(%q): %v", name, err)
	}
	return u.Sub
}

// page lists users, and returns their names.
func page(t testing.TB, pool *identity.UserPool, q identity.UserQuery) (names []string, next string) {
	t.Helper()
	found, next, err := pool.Admin().Users().Page(t.Context(), q)
	if err != nil {
		t.Fatalf("Page(%+v): %v", q, err)
	}
	for _, u := range found {
		names = append(names, u.Username)
	}
	return names, next
}

// listed are the names of the users that a filter selects, read in pages of a size.
func listed(t testing.TB, pool *identity.UserPool, filter string, size int) []string {
	t.Helper()
	var all []string
	q := identity.UserQuery{Filter: filter, Limit: size}
	for {
		names, next := page(t, pool, q)
		if next != "" && len(names) != size || len(names) > size {
			t.Errorf("%s: a page of %d users, want %d", filter, len(names), size)
		}
		all = append(all, names...)
		if next == "" {
			return all
		}
		q.After = next
	}
}

func TestFilters(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Defaults: identity.CognitoDefaults})
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	enroll(t, other, "stranger", map[string]string{"email": "ann@example.com", "name": "Ann"})
	long := strings.Repeat("x", store.MaxIndex)
	ann := enroll(t, pool, "ann", map[string]string{"email": "ann@example.com", "name": "Ann", "phone_number": "+15550101", "given_name": "A", "family_name": "N", "preferred_username": "annie"})
	enroll(t, pool, "ANN", map[string]string{"email": "Ann@example.com", "name": long + "1"})
	enroll(t, pool, "anna", map[string]string{"email": "anna@example.com", "name": long + "2", "custom": ""})
	enroll(t, pool, "bob", map[string]string{"name": `B"o\b`, "nickname": "Ann"})
	enroll(t, pool, "cat", map[string]string{"name": strings.Repeat("é", 200)})
	enroll(t, pool, "dan", map[string]string{"name": long + "3"})
	f.edit(t, pool, "bob", func(u *identity.User) { u.Status, u.Disabled = identity.StatusConfirmed, true })
	everybody := []string{"ANN", "ann", "anna", "bob", "cat", "dan"}
	for _, tt := range []struct {
		filter string
		want   []string
	}{
		{``, everybody},
		{` `, everybody},
		{`username = "ann"`, []string{"ANN", "ann"}},
		{`username ^= "ann"`, []string{"ANN", "ann", "anna"}},
		{`username ^= ""`, everybody},
		{`username = ""`, nil},
		{`username = "stranger"`, nil},
		{`username = "nobody"`, nil},
		{`email = "ann@example.com"`, []string{"ANN", "ann"}},
		{`"email" = "ANN@EXAMPLE.COM"`, []string{"ANN", "ann"}},
		{`email ^= "ann"`, []string{"ANN", "ann", "anna"}},
		{`email ^= ""`, []string{"ANN", "ann", "anna"}},
		{`email = ""`, nil},
		{`name = "Ann"`, []string{"ann"}},
		{`name = "B\"o\\b"`, []string{"bob"}},
		{"name ^= \"Ann\x00\"", nil},
		{`name = "` + long + `"`, nil},
		{`name = "` + long + `1"`, []string{"ANN"}},
		{`name ^= "` + long + `2"`, []string{"anna"}},
		{`name ^= "` + strings.ToUpper(long) + `2"`, []string{"anna"}},
		{`sub = "` + strings.ToUpper(ann) + `"`, nil},
		{`name = "` + long + `3"`, []string{"dan"}},
		{`name ^= "` + long + `"`, []string{"ANN", "anna", "dan"}},
		{`name = "` + strings.Repeat("é", 200) + `"`, []string{"cat"}},
		{`name ^= "` + strings.Repeat("é", 199) + `"`, []string{"cat"}},
		{`name ^= "` + strings.Repeat("é", 199) + `e"`, nil},
		{`phone_number ^= "+1555"`, []string{"ann"}},
		{`given_name = "A"`, []string{"ann"}},
		{`family_name = "N"`, []string{"ann"}},
		{`preferred_username = "annie"`, []string{"ann"}},
		{`sub = "` + ann + `"`, []string{"ann"}},
		{`sub ^= "` + ann[:18] + `"`, []string{"ann"}},
		{`sub ^= ""`, everybody},
		{`sub = "` + ann[:18] + `"`, nil},
		{`sub = "` + strings.Repeat("a", 9000) + `"`, nil},
		{`status = "Enabled"`, []string{"ANN", "ann", "anna", "cat", "dan"}},
		{`status = "Disabled"`, []string{"bob"}},
		{`status = "disabled"`, nil},
		{`cognito:user_status = "CONFIRMED"`, []string{"bob"}},
		{`cognito:user_status = "confirmed"`, []string{"bob"}},
		{`cognito:user_status ^= "Force_"`, []string{"ANN", "ann", "anna", "cat", "dan"}},
		{`cognito:user_status = "force_"`, nil},
		{"cognito:user_status = \"force_change_pa\u017fsword\"", nil},
	} {
		t.Run(fmt.Sprintf("%.40s", tt.filter), func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 60} {
				got := listed(t, pool, tt.filter, size)
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("by %d: %q, want %q", size, got, tt.want)
				}
			}
		})
	}
}

// Where the username is the sub, it is searched for in the table.
func TestFilterOfUsernameThatIsTheSub(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	sub := enroll(t, pool, email, nil)
	enroll(t, pool, "bob@example.com", nil)
	for filter, want := range map[string]int{
		`username = "` + sub + `"`: 1, `username ^= "` + sub[:20] + `"`: 1, `username ^= ""`: 2, `username = "` + email + `"`: 0,
	} {
		if got := listed(t, pool, filter, 1); len(got) != want || want == 1 && got[0] != sub {
			t.Errorf("%s: %q, want %d users", filter, got, want)
		}
	}
}

func TestPageErrors(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	position := func(parts ...string) string { return base64.RawURLEncoding.EncodeToString([]byte(store.Key(parts...))) }
	sub := enroll(t, pool, "ann", map[string]string{"email": email})
	for _, tt := range []struct {
		name string
		q    identity.UserQuery
		want error
	}{
		{"syntax", identity.UserQuery{Filter: "email"}, identity.ErrInvalidFilter},
		{"attribute", identity.UserQuery{Filter: `custom:foo = "x"`}, identity.ErrInvalidFilterAttribute},
		{"limit", identity.UserQuery{Limit: -1}, identity.ErrInvalidParameter},
		{"no base64", identity.UserQuery{After: "!"}, identity.ErrInvalidPosition},
		{"no key", identity.UserQuery{After: "eHh4"}, identity.ErrInvalidPosition},
		{"no sub", identity.UserQuery{After: position("x")}, identity.ErrInvalidPosition},
		{"capitals", identity.UserQuery{After: position(strings.ToUpper(sub))}, identity.ErrInvalidPosition},
		{"nothing", identity.UserQuery{After: "\n"}, identity.ErrInvalidPosition},
		{"new line", identity.UserQuery{After: position(sub) + "\n"}, identity.ErrInvalidPosition},
		{"three parts", identity.UserQuery{After: position("a", "b", sub)}, identity.ErrInvalidPosition},
		{"in another order", identity.UserQuery{After: position("a", sub)}, identity.ErrInvalidPosition},
		{"in the table's order", identity.UserQuery{After: position(sub), Filter: `email ^= ""`}, identity.ErrInvalidPosition},
		{"too long", identity.UserQuery{After: position(strings.Repeat("a", store.MaxIndex+1), sub), Filter: `email ^= ""`}, identity.ErrInvalidPosition},
		{"no UTF-8", identity.UserQuery{After: position("\xff", sub), Filter: `email ^= ""`}, identity.ErrInvalidPosition},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := pool.Admin().Users().Page(t.Context(), tt.q)
			wantErr(t, "Page", err, tt.want)
			for u, err := range pool.Admin().Users().All(t.Context(), tt.q.Filter) {
				if tt.q.Filter == "" || tt.q.After != "" {
					break
				}
				if wantErr(t, "All", err, tt.want); u != nil {
					t.Error("All yields a user with the error")
				}
			}
		})
	}
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	_, _, err := pool.Admin().Users().Page(t.Context(), identity.UserQuery{})
	wantErr(t, "Page of no pool", err, identity.ErrPoolNotFound)
}

// By default a page has 60 users, and the next one is told of only if there is one.
func TestPageIsFull(t *testing.T) {
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	for i := range 60 {
		enroll(t, pool, fmt.Sprintf("user%02d", i), nil)
	}
	names, next := page(t, pool, identity.UserQuery{})
	if len(names) != 60 || next != "" {
		t.Errorf("%d users and the position %q, want all 60 and none", len(names), next)
	}
	enroll(t, pool, "more", nil)
	names, next = page(t, pool, identity.UserQuery{})
	if len(names) != 60 || next == "" {
		t.Errorf("%d users and the position %q, want 60 and one", len(names), next)
	}
}

// A position stays good whatever becomes of the user who is there.
func TestPositionOutlivesItsUser(t *testing.T) {
	for what, change := range map[string]func(t *testing.T, f *fixture, pool *identity.UserPool, sub string){
		"deleted": func(t *testing.T, f *fixture, pool *identity.UserPool, sub string) {
			check(t, "Delete", pool.Admin().Users().Delete(t.Context(), sub))
		},
		"renamed": func(t *testing.T, f *fixture, pool *identity.UserPool, sub string) {
			f.edit(t, pool, sub, func(u *identity.User) { u.Attributes["email"] = "zoe@example.com" })
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{})
			subs := map[string]string{}
			for _, name := range []string{"ann", "bob", "cat", "dan"} {
				subs[name] = enroll(t, pool, name, map[string]string{"email": name + "@example.com"})
			}
			for _, filter := range []string{`email ^= ""`, `username ^= ""`} {
				names, next := page(t, pool, identity.UserQuery{Filter: filter, Limit: 2})
				if !slices.Equal(names, []string{"ann", "bob"}) {
					t.Fatalf("%s: the first page is %q", filter, names)
				}
				if what == "deleted" && filter == `email ^= ""` || what == "renamed" {
					change(t, f, pool, subs["bob"])
				}
				names, _ = page(t, pool, identity.UserQuery{Filter: filter, Limit: 2, After: next})
				if !slices.Equal(names, []string{"cat", "dan"}) {
					t.Errorf("%s: the second page is %q", filter, names)
				}
				if what == "deleted" {
					return
				}
				f.edit(t, pool, subs["bob"], func(u *identity.User) { u.Attributes["email"] = "bob@example.com" })
			}
		})
	}
}

// Each change of what users are found by moves them in the index.
func TestChangesMoveUsersInTheIndex(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	us := pool.Admin().Users()
	is := func(filter string, want ...string) {
		t.Helper()
		check(t, "VerifyIndexes", identity.VerifyIndexes(t.Context(), f.store))
		if got := listed(t, pool, filter, 60); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	f.signUp(t, pool, "alice", email)
	is(`cognito:user_status = "UNCONFIRMED"`, "alice")
	is(`email = "`+email+`"`, "alice")
	f.confirm(t, pool, "alice", email)
	is(`cognito:user_status = "UNCONFIRMED"`)
	is(`cognito:user_status = "CONFIRMED"`, "alice")
	check(t, "SetPassword", us.SetPassword(t.Context(), "alice", password, false))
	is(`cognito:user_status = "CONFIRMED"`)
	is(`cognito:user_status = "FORCE_CHANGE_PASSWORD"`, "alice")
	f.edit(t, pool, "alice", func(u *identity.User) { u.Disabled = true })
	is(`status = "Enabled"`)
	is(`status = "Disabled"`, "alice")
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "new@example.com" })
	is(`email = "` + email + `"`)
	is(`email = "new@example.com"`, "alice")
	f.edit(t, pool, "alice", func(u *identity.User) { delete(u.Attributes, "email") })
	is(`email ^= ""`)
	sub := enroll(t, pool, "made", map[string]string{"name": "M"})
	is(`name = "M"`, "made")
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), sub))
	is(`name = "M"`)
	is(`username = "made"`)
}

// All yields everybody, over the batches, and writes may come in between.
func TestAll(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 1,201 users")
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			pool := f.open(t, identity.PoolSettings{})
			entries, err := pool.BulkUsers(t.Context(), benchNames(1201), password)
			check(t, "BulkUsers", err)
			check(t, "BulkLoad", f.store.(store.BulkLoader).BulkLoad(t.Context(), entries))
			n := 0
			for u, err := range pool.Admin().Users().All(t.Context(), `email ^= "user"`) {
				check(t, "All", err)
				if want := benchName(n); u.Username != want {
					t.Fatalf("user %d is %s, want %s", n, u.Username, want)
				}
				if n%500 == 0 {
					enroll(t, pool, fmt.Sprintf("other%d", n), nil)
				}
				n++
			}
			if n != 1201 {
				t.Errorf("%d users, want 1201", n)
			}
			for range pool.Admin().Users().All(t.Context(), "") {
				break
			}
		})
	}
}

// A readCounter counts what is read from it.
type readCounter struct {
	store.Store
	read int
}

func (s *readCounter) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return fn(countingReader{r, s}) })
}

type countingReader struct {
	store.Reader
	store *readCounter
}

func (r countingReader) Get(refs ...store.Ref) ([][]byte, error) {
	r.store.read += len(refs)
	return r.Reader.Get(refs...)
}

func (r countingReader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range r.Reader.Scan(table, rng) {
			r.store.read++
			if !yield(e, err) {
				return
			}
		}
	}
}

// What a page reads does not depend on how many users there are.
func TestPageReadsNoMoreThanItShows(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 2,000 users")
	}
	inner := memory.New()
	counted := &readCounter{Store: inner}
	f := newEngineOn(t, counted)
	pool := f.open(t, identity.PoolSettings{})
	entries, err := pool.BulkUsers(t.Context(), benchNames(2000), password)
	check(t, "BulkUsers", err)
	check(t, "BulkLoad", inner.BulkLoad(t.Context(), entries))
	_, early := page(t, pool, identity.UserQuery{Filter: `email ^= ""`, Limit: 1})
	for _, q := range []identity.UserQuery{
		{},
		{Filter: `username = "user0001234"`},
		{Filter: `username ^= "user"`},
		{Filter: `email ^= "user0001"`},
		{Filter: `status = "Enabled"`},
		{Filter: `cognito:user_status = "confirmed"`},
		{Filter: `sub ^= ""`},
		{Filter: `email = "user0001234@example.com"`, After: early},
	} {
		counted.read = 0
		q.Limit = 10
		names, _ := page(t, pool, q)
		// The pool, an index entry and a record for each user, and for one more.
		if most := 1 + 2*min(len(names)+1, 11); counted.read > most || len(names) == 0 {
			t.Errorf("%+v: %d users, and %d reads, want at most %d", q, len(names), counted.read, most)
		}
	}
}

func TestListingsGoOnWhereTheyEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 150 groups")
	}
	g := newGroupsOn(t, newEngineOn(t, memory.New()))
	var want []string
	for i := range 150 {
		want = append(want, g.make(t, fmt.Sprintf("group%03d", i), 149-i, "").Name)
	}
	var got []string
	for group, err := range g.groups.List(t.Context(), "") {
		check(t, "List", err)
		got = append(got, group.Name)
	}
	wantNames(t, "groups", got, want...)
	got = nil
	check(t, "Delete", g.groups.Delete(t.Context(), "group009"))
	for group, err := range g.groups.List(t.Context(), "group009") { // which is gone
		check(t, "List", err)
		got = append(got, group.Name)
	}
	wantNames(t, "groups after one that is gone", got, want[10:]...)

	g.bulk(t, 150, "group000")
	var subs []string
	for u, err := range g.groups.Members(t.Context(), "group000", "") {
		check(t, "Members", err)
		subs = append(subs, u.Sub)
		// A listing holds no transaction: its consumer may write.
		check(t, "RemoveFromGroup", g.users.RemoveFromGroup(t.Context(), u.Sub, "group000"))
		check(t, "AddToGroup", g.users.AddToGroup(t.Context(), u.Sub, "group001"))
	}
	if len(subs) != 150 || !slices.IsSorted(subs) {
		t.Errorf("%d members, sorted %t, want 150 by sub", len(subs), slices.IsSorted(subs))
	}
	var rest []string
	for u, err := range g.groups.Members(t.Context(), "group001", subs[70]) {
		check(t, "Members", err)
		rest = append(rest, u.Sub)
	}
	wantNames(t, "members after one", rest, subs[71:]...)
	for range g.groups.List(t.Context(), "") {
		break
	}
}
