package identity_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/token"
)

// A groupFixture is a pool with users and handles on what its tests are about.
type groupFixture struct {
	*fixture
	pool   *identity.UserPool
	groups identity.Groups
	users  identity.Users
}

func newGroups(t testing.TB, members ...string) *groupFixture {
	t.Helper()
	return newGroupsOn(t, newEngine(t), members...)
}

func newGroupsOn(t testing.TB, f *fixture, members ...string) *groupFixture {
	t.Helper()
	pool := f.open(t, identity.PoolSettings{})
	g := &groupFixture{f, pool, pool.Admin().Groups(), pool.Admin().Users()}
	for _, name := range members {
		f.join(t, pool, name, name+"@example.com")
	}
	return g
}

// make makes a group; a precedence below zero is none, and a role may be empty.
func (g *groupFixture) make(t testing.TB, name string, precedence int, role string) *identity.Group {
	t.Helper()
	s := identity.GroupSettings{Name: name}
	if precedence >= 0 {
		s.Precedence = &precedence
	}
	if role != "" {
		s.RoleARN = &role
	}
	made, err := g.groups.Create(t.Context(), s)
	check(t, "Create", err)
	return made
}

func (g *groupFixture) add(t testing.TB, user string, groups ...string) {
	t.Helper()
	for _, name := range groups {
		check(t, "AddToGroup", g.users.AddToGroup(t.Context(), user, name))
	}
}

// of are the names of a user's groups.
func (g *groupFixture) of(t testing.TB, user string) []string {
	t.Helper()
	in, err := g.users.Groups(t.Context(), user)
	check(t, "Groups", err)
	names := []string{}
	for _, group := range in {
		names = append(names, group.Name)
	}
	return names
}

// members are the usernames of a group's members, sorted.
func (g *groupFixture) members(t testing.TB, group string) []string {
	t.Helper()
	names := []string{}
	for u, err := range g.groups.Members(t.Context(), group, "") {
		check(t, "Members", err)
		names = append(names, u.Username)
	}
	slices.Sort(names)
	return names
}

func wantNames(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestGroupIsKeptAsItWasSet(t *testing.T) {
	g := newGroups(t)
	made, err := g.groups.Create(t.Context(), identity.GroupSettings{
		Name: "Admins", Description: ptr("those who may"), RoleARN: ptr("arn:aws:iam::123456789012:role/a"), Precedence: ptr(0),
	})
	check(t, "Create", err)
	g.advance(time.Second)
	changed, err := g.groups.Update(t.Context(), "Admins", identity.GroupSettings{Precedence: ptr(7)})
	check(t, "Update", err)
	got, err := g.groups.Get(t.Context(), "Admins")
	check(t, "Get", err)
	for _, got := range []*identity.Group{changed, got} {
		if got.ID != made.ID || *got.Description != "those who may" || *got.RoleARN != *made.RoleARN || *got.Precedence != 7 ||
			!got.Created.Equal(start) || !got.Modified.Equal(start.Add(time.Second)) {
			t.Errorf("group %+v, want what was set and a new precedence", got)
		}
	}
	_, err = g.groups.Update(t.Context(), "Admins", identity.GroupSettings{Name: "Admins", Description: ptr("")})
	check(t, "Update", err)
	if got, err := g.groups.Get(t.Context(), "Admins"); err != nil || *got.Description != "" || got.RoleARN == nil || *got.Precedence != 7 {
		t.Errorf("group %+v, %v, want one whose description is empty", got, err)
	}
	bare := g.make(t, "bare", -1, "")
	if bare.Description != nil || bare.RoleARN != nil || bare.Precedence != nil {
		t.Errorf("group %+v, want what was not set to be nil", bare)
	}
}

func TestGroupsHaveOneNameEach(t *testing.T) {
	g := newGroups(t)
	g.make(t, "admins", 1, "")
	_, err := g.groups.Create(t.Context(), identity.GroupSettings{Name: "admins"})
	wantErr(t, "the same name", err, identity.ErrGroupExists)
	if e, ok := errors.AsType[*identity.GroupError](err); !ok || e.Name == "" {
		t.Errorf("%v names no group", err)
	}
	g.make(t, "Admins", 2, "")
	other, err := g.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	_, err = other.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "admins"})
	wantErr(t, "the same name in another pool", err, nil)
	errs := together(20, func(int) error {
		return second(g.groups.Create(t.Context(), identity.GroupSettings{Name: "one"}))
	})
	wantOneWinner(t, errs, identity.ErrGroupExists)
}

func TestGroupsThatCannotBe(t *testing.T) {
	g := newGroups(t, "alice")
	g.make(t, "admins", 1, "")
	for name, s := range map[string]identity.GroupSettings{
		"no name":           {},
		"long name":         {Name: strings.Repeat("x", 129)},
		"space":             {Name: "a b"},
		"control character": {Name: "a\x00"},
		"long description":  {Name: "x", Description: ptr(strings.Repeat("x", 2049))},
		"long role":         {Name: "x", RoleARN: ptr(strings.Repeat("x", 2049))},
		"negative":          {Name: "x", Precedence: ptr(-1)},
		"large":             {Name: "x", Precedence: ptr(math.MaxInt32 + 1)},
	} {
		_, err := g.groups.Create(t.Context(), s)
		wantErr(t, "Create, "+name, err, identity.ErrInvalidParameter)
		if s.Name != "" {
			_, err = g.groups.Update(t.Context(), "admins", s)
			wantErr(t, "Update, "+name, err, identity.ErrInvalidParameter)
		}
	}
	long := strings.Repeat("\u6f22", 128) // whose key is beyond what an index takes
	g.make(t, long, math.MaxInt32, "")
	g.add(t, "alice", long)
	wantNames(t, "groups", g.of(t, "alice"), long)
	if got, err := g.groups.Get(t.Context(), long); err != nil || got.Name != long {
		t.Errorf("Get = %+v, %v, want the group", got, err)
	}
}

func TestGroupThatIsNotThere(t *testing.T) {
	g := newGroups(t, "alice")
	g.make(t, "admins", 1, "")
	calls := map[string]func(name string) error{
		"Get":    func(name string) error { return second(g.groups.Get(t.Context(), name)) },
		"Update": func(name string) error { return second(g.groups.Update(t.Context(), name, identity.GroupSettings{})) },
		"Delete": func(name string) error { return g.groups.Delete(t.Context(), name) },
		"Members": func(name string) error {
			for _, err := range g.groups.Members(t.Context(), name, "") {
				return err
			}
			return nil
		},
		"AddToGroup":      func(name string) error { return g.users.AddToGroup(t.Context(), "alice", name) },
		"RemoveFromGroup": func(name string) error { return g.users.RemoveFromGroup(t.Context(), "alice", name) },
	}
	for call, do := range calls {
		for _, name := range []string{"none", "", "Admins", "a\x00b", strings.Repeat("x", 1<<17)} {
			err := do(name)
			if e, ok := errors.AsType[*identity.NotFoundError](err); !ok || e.ID != name || !errors.Is(err, identity.ErrGroupNotFound) {
				t.Errorf("%s of %q: error %v, want one that names the group", call, clip(name), err)
			}
		}
	}
	calls["List"] = func(string) error {
		for _, err := range g.groups.List(t.Context(), "") {
			return err
		}
		return nil
	}
	calls["Create"] = func(string) error {
		return second(g.groups.Create(t.Context(), identity.GroupSettings{Name: "new"}))
	}
	calls["Groups"] = func(string) error { return second(g.users.Groups(t.Context(), "alice")) }
	wantErr(t, "AddToGroup of nobody", g.users.AddToGroup(t.Context(), "nobody", "admins"), identity.ErrUserNotFound)
	wantErr(t, "RemoveFromGroup of nobody", g.users.RemoveFromGroup(t.Context(), "nobody", "admins"), identity.ErrUserNotFound)
	wantErr(t, "Groups of nobody", second(g.users.Groups(t.Context(), "nobody")), identity.ErrUserNotFound)
	check(t, "Delete pool", g.pool.Admin().Delete(t.Context()))
	for call, do := range calls {
		wantErr(t, call+" in a deleted pool", do("admins"), identity.ErrPoolNotFound)
	}
}

func TestMembershipIsSetOnceAndIsNoModification(t *testing.T) {
	g := newGroups(t, "alice", "bob")
	g.make(t, "admins", 1, "")
	before, err := g.users.Get(t.Context(), "alice")
	check(t, "Get", err)
	g.advance(time.Second)
	check(t, "RemoveFromGroup", g.users.RemoveFromGroup(t.Context(), "alice", "admins")) // who is not in it
	g.add(t, "alice", "admins", "admins")
	wantNames(t, "groups", g.of(t, "alice"), "admins")
	wantNames(t, "members", g.members(t, "admins"), "alice")
	after, err := g.users.Get(t.Context(), "alice")
	if err != nil || !after.Modified.Equal(before.Modified) {
		t.Errorf("modified at %v, %v, want %v as before", after.Modified, err, before.Modified)
	}
	for range 2 {
		check(t, "RemoveFromGroup", g.users.RemoveFromGroup(t.Context(), "alice", "admins"))
	}
	wantNames(t, "groups", g.of(t, "alice"))
	wantNames(t, "members", g.members(t, "admins"))
	if n := g.events(t, identity.EventGroupsChanged); n != 2 {
		t.Errorf("%d events, want one for coming and one for going", n)
	}
	check(t, "Verify", verify(t, g.store))
}

func TestDeletedGroupHasNoMembers(t *testing.T) {
	g := newGroups(t, "alice", "bob")
	g.make(t, "admins", 1, "")
	g.make(t, "editors", 2, "")
	g.add(t, "alice", "admins", "editors")
	g.add(t, "bob", "admins")
	old := g.signIn(t, g.pool.AppClient, "alice")
	check(t, "Delete", g.groups.Delete(t.Context(), "admins"))
	wantErr(t, "Delete again", g.groups.Delete(t.Context(), "admins"), identity.ErrGroupNotFound)
	wantNames(t, "groups", g.of(t, "alice"), "editors")
	fresh, err := g.pool.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
	check(t, "Refresh", err)
	_, claims := parts(t, fresh.Access)
	wantNames(t, "claim", texts(claims["cognito:groups"]), "editors")

	g.make(t, "admins", 1, "")
	wantNames(t, "members of the new group", g.members(t, "admins"))
	wantNames(t, "groups", g.of(t, "alice"), "editors")
	g.add(t, "alice", "admins")
	n, err := g.Sweep(t.Context())
	if err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v, want the group that was deleted", n, err)
	}
	if left := g.traces(t); len(left) != 2 {
		t.Errorf("%q is left, want alice in two groups", left)
	}
	bob, err := g.users.Get(t.Context(), "bob")
	if err != nil || len(bob.Groups) != 0 {
		t.Errorf("bob has %q, %v, want no groups", bob.Groups, err)
	}
	wantNames(t, "groups, after a sweep", g.of(t, "alice"), "admins", "editors")
	wantNames(t, "members, after a sweep", g.members(t, "admins"), "alice")
	check(t, "Verify", verify(t, g.store))
}

// traces are the entries that say who is in which group, or was.
func (f *fixture) traces(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(entries(t, f.store, ""), func(e string) bool {
		return !strings.HasPrefix(e, "users.groups ") && !strings.HasPrefix(e, "deadgroups ")
	})
}

// bulk puts users into the store, and into a group.
func (g *groupFixture) bulk(t testing.TB, n int, group string) {
	t.Helper()
	names := func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("user%04d", i)) {
				return
			}
		}
	}
	all, err := g.pool.BulkUsers(t.Context(), names, password)
	check(t, "BulkUsers", err)
	check(t, "BulkLoad", g.store.(store.BulkLoader).BulkLoad(t.Context(), all))
	for name := range names {
		g.add(t, name, group)
	}
}

func TestGroupOfManyIsSweptInBatches(t *testing.T) {
	if testing.Short() {
		t.Skip("makes and deletes a group of 1001 users")
	}
	g := newGroupsOn(t, newEngineOn(t, memory.New()))
	g.make(t, "all", 1, "")
	g.bulk(t, 1001, "all")
	g.advance(time.Second)
	check(t, "Delete", g.groups.Delete(t.Context(), "all"))
	s := &countingStore{Store: g.store}
	n, err := newEngineOn(t, s).Sweep(t.Context())
	if err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v, want the group", n, err)
	}
	if s.most > 2500 { // a user and an entry of the index each, and some
		t.Errorf("a transaction wrote %d times, want batches of 500 users", s.most)
	}
	if left := g.traces(t); len(left) > 0 {
		t.Errorf("%d traces are left", len(left))
	}
	check(t, "Verify", verify(t, g.store))
}

// What many large records come to is more than one transaction may write.
func TestGroupOfLargeUsersIsSwept(t *testing.T) {
	if testing.Short() {
		t.Skip("sweeps 30 users of 600 kB")
	}
	g := newGroupsOn(t, newEngineOn(t, memory.New()))
	g.make(t, "all", 1, "")
	g.bulk(t, 30, "all")
	for i := range 30 {
		g.edit(t, g.pool, fmt.Sprintf("user%04d", i), func(u *identity.User) { u.Attributes["custom:x"] = strings.Repeat("x", 600_000) })
	}
	check(t, "Delete", g.groups.Delete(t.Context(), "all"))
	check(t, "Sweep", second(g.Sweep(t.Context())))
	if left := g.traces(t); len(left) > 0 {
		t.Errorf("%d traces are left", len(left))
	}
}

func TestGroupDeletedWhileItIsListed(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a group of 100 users")
	}
	g := newGroupsOn(t, newEngineOn(t, memory.New()))
	g.make(t, "all", 1, "")
	g.bulk(t, 100, "all")
	n := 0
	var last error
	for _, err := range g.groups.Members(t.Context(), "all", "") {
		if last = err; err != nil {
			break
		}
		if n++; n == 1 {
			check(t, "Delete", g.groups.Delete(t.Context(), "all"))
		}
	}
	wantErr(t, "Members", last, identity.ErrGroupNotFound)
}

func TestQuotasOfGroups(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Quotas = identity.Quotas{Groups: 4, GroupsPerUser: 2} })
	g := newGroupsOn(t, f, "alice")
	for _, name := range []string{"a", "b", "c", "d"} {
		g.make(t, name, 1, "")
	}
	_, err := g.groups.Create(t.Context(), identity.GroupSettings{Name: "e"})
	if e, ok := errors.AsType[*identity.QuotaError](err); !ok || e.Max != 4 {
		t.Errorf("error %v, want a quota of 4", err)
	}
	g.add(t, "alice", "a", "b", "a")
	err = g.users.AddToGroup(t.Context(), "alice", "c")
	if e, ok := errors.AsType[*identity.QuotaError](err); !ok || e.Max != 2 {
		t.Errorf("error %v, want a quota of 2", err)
	}
	wantNames(t, "groups", g.of(t, "alice"), "a", "b")
	check(t, "Delete", g.groups.Delete(t.Context(), "a"))
	g.add(t, "alice", "c") // in the place of one that was deleted and not swept yet
	wantNames(t, "groups", g.of(t, "alice"), "b", "c")
	wantErr(t, "AddToGroup", g.users.AddToGroup(t.Context(), "alice", "d"), identity.ErrQuotaExceeded)
	check(t, "Verify", verify(t, g.store))
}

func TestGroupsWithoutAQuota(t *testing.T) {
	if testing.Short() {
		t.Skip("adds a user to 150 groups")
	}
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Quotas = identity.Quotas{Groups: -1, GroupsPerUser: -1} })
	g := newGroupsOn(t, f, "alice")
	for i := range 150 {
		g.make(t, fmt.Sprint(i), 1, "")
		g.add(t, "alice", fmt.Sprint(i))
	}
	if n := len(g.of(t, "alice")); n != 150 {
		t.Errorf("%d groups, want 150 where there is no bound", n)
	}
}

// Whoever comes into a group while it is deleted is in no group afterwards.
func TestComingIntoAGroupRacesItsDeletion(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		g := &groupFixture{f, pool, pool.Admin().Groups(), pool.Admin().Users()}
		f.join(t, pool, "alice", email)
		f.join(t, pool, "bob", "bob@example.com")
		for range 10 {
			g.make(t, "admins", 1, "")
			errs := together(6, func(i int) error {
				switch i {
				case 0:
					return g.groups.Delete(t.Context(), "admins")
				case 1:
					return second(f.Sweep(t.Context()))
				}
				return g.users.AddToGroup(t.Context(), []string{"alice", "bob"}[i%2], "admins")
			})
			tally(t, errs, identity.ErrGroupNotFound, nil)
			wantNames(t, "groups of alice", g.of(t, "alice"))
			check(t, "Sweep", second(f.Sweep(t.Context())))
			if left := f.traces(t); len(left) > 0 {
				t.Errorf("%q is left", left)
			}
		}
		check(t, "Verify", verify(t, f.store))
	})
}

func TestGroupsInTokens(t *testing.T) {
	type group struct {
		name       string
		precedence int // below zero is none
		role       string
	}
	role := func(name string) string { return "arn:aws:iam::123456789012:role/" + name }
	for _, tt := range []struct {
		name      string
		in        []group
		groups    []string
		roles     []string
		preferred string
	}{
		{"none", nil, nil, nil, ""},
		{"one without a role", []group{{"a", 1, ""}}, []string{"a"}, nil, ""},
		{"one with a role", []group{{"a", 1, role("a")}}, []string{"a"}, []string{role("a")}, role("a")},
		{"one with a role and no precedence", []group{{"a", -1, role("a")}}, []string{"a"}, []string{role("a")}, role("a")},
		{
			"by precedence, then by name, none last",
			[]group{{"d", -1, role("d")}, {"c", 2, role("c")}, {"b", 2, role("b")}, {"z", 0, role("z")}, {"y", math.MaxInt32, ""}},
			[]string{"z", "b", "c", "y", "d"},
			[]string{role("z"), role("b"), role("c"), role("d")},
			role("z"),
		},
		{"a tie, different roles", []group{{"a", 1, role("a")}, {"b", 1, role("b")}}, []string{"a", "b"}, []string{role("a"), role("b")}, ""},
		{"a tie, one role", []group{{"a", 1, role("x")}, {"b", 1, role("x")}}, []string{"a", "b"}, []string{role("x")}, role("x")},
		{"a tie of which one has no role", []group{{"a", 1, ""}, {"b", 1, role("b")}}, []string{"a", "b"}, []string{role("b")}, role("b")},
		{"a tie below the first", []group{{"a", 1, role("a")}, {"b", 2, role("b")}, {"c", 2, role("c")}}, []string{"a", "b", "c"}, []string{role("a"), role("b"), role("c")}, role("a")},
		{"a tie of none", []group{{"a", -1, role("a")}, {"b", -1, role("b")}}, []string{"a", "b"}, []string{role("a"), role("b")}, ""},
		{"the first without a role", []group{{"a", 1, ""}, {"b", 2, role("b")}}, []string{"a", "b"}, []string{role("b")}, role("b")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGroups(t, "alice")
			before := g.signIn(t, g.pool.AppClient, "alice")
			for _, in := range tt.in {
				g.make(t, in.name, in.precedence, in.role)
				g.add(t, "alice", in.name)
			}
			g.make(t, "others", 0, role("others"))
			refreshed, err := g.pool.Refresh(t.Context(), identity.Refresh{Token: before.Refresh, Rotating: true})
			check(t, "Refresh", err)
			for how, tokens := range map[string]*identity.Tokens{"refresh": refreshed, "sign-in": g.signIn(t, g.pool.AppClient, "alice")} {
				_, access := parts(t, tokens.Access)
				_, id := parts(t, tokens.ID)
				wantClaim(t, how+", access token", access, "cognito:groups", tt.groups)
				wantClaim(t, how+", access token", access, "cognito:roles", nil)
				wantClaim(t, how+", ID token", id, "cognito:groups", tt.groups)
				wantClaim(t, how+", ID token", id, "cognito:roles", tt.roles)
				preferred, there := id["cognito:preferred_role"]
				if there != (tt.preferred != "") || there && preferred != tt.preferred {
					t.Errorf("%s: preferred role %v, want %q", how, preferred, tt.preferred)
				}
				if _, there := access["cognito:preferred_role"]; there {
					t.Errorf("%s: the access token has a preferred role", how)
				}
			}
		})
	}
}

// wantClaim checks a claim that is a list; an empty one is not there.
func wantClaim(t *testing.T, what string, claims map[string]any, name string, want []string) {
	t.Helper()
	_, there := claims[name]
	if got := texts(claims[name]); there != (len(want) > 0) || !slices.Equal(got, append([]string{}, want...)) {
		t.Errorf("%s: %s is %v, want %q", what, name, claims[name], want)
	}
}

// A countingStore counts the writes of the transaction that wrote most.
type countingStore struct {
	store.Store
	most int
}

func (s *countingStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		w := &countingTx{Tx: tx}
		err := fn(w)
		s.most = max(s.most, w.n)
		return err
	})
}

type countingTx struct {
	store.Tx
	n int
}

func (w *countingTx) Put(table, key string, value []byte) error {
	w.n++
	return w.Tx.Put(table, key, value)
}

func (w *countingTx) Delete(table, key string) error {
	w.n++
	return w.Tx.Delete(table, key)
}

// A user with the longest attributes and groups that may be still signs in: the
// token has the first groups, and is one that a verifier takes.
func TestTokenOfManyLongGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("signs a user in who is in 100 groups with long names")
	}
	f := newEngine(t)
	settings := cognitoPool
	settings.Schema = identity.StandardSchema()
	for i := range 13 {
		settings.Schema = append(settings.Schema, custom(fmt.Sprint("custom:a", i)))
	}
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	f.edit(t, pool, "alice", func(u *identity.User) {
		for i := range 13 {
			u.Attributes[fmt.Sprint("custom:a", i)] = strings.Repeat("x", 2000)
		}
	})
	groups, users := pool.Admin().Groups(), pool.Admin().Users()
	for i := range 100 {
		name := fmt.Sprintf("%03d", i) + strings.Repeat("g", 125)
		role := "arn:aws:iam::123456789012:role/" + strings.Repeat("r", 2000) + fmt.Sprint(i)
		_, err := groups.Create(t.Context(), identity.GroupSettings{Name: name, RoleARN: &role, Precedence: &i})
		check(t, "Create", err)
		check(t, "AddToGroup", users.AddToGroup(t.Context(), "alice", name))
	}
	tokens := f.signIn(t, a, "alice")
	if n := len(tokens.ID); n > token.MaxLength || n < token.MaxLength*2/3 {
		t.Errorf("the ID token has %d bytes", n)
	}
	_, claims := parts(t, tokens.ID)
	names := texts(claims["cognito:groups"])
	if len(names) < 5 || len(names) == 100 || !strings.HasPrefix(names[0], "000") {
		t.Errorf("the token has %d groups, beginning with %.3s", len(names), names[0])
	}
}
