package identity_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
)

// collect reads all that a query selects.
func collect(t *testing.T, a *identity.Admin, q identity.EventQuery) (kinds []identity.EventKind, all []*identity.Event) {
	t.Helper()
	for ev, err := range a.Events(t.Context(), q) {
		check(t, "Events", err)
		kinds, all = append(kinds, ev.Kind), append(all, ev)
	}
	return kinds, all
}

func TestEventsOfBothSpellingsAreFoundByOneQuery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	unpack(t, "testdata/store-format1.db.gz", path)
	s, err := bolt.Open(path, nil)
	check(t, "Open", err)
	defer s.Close()
	pool, err := identity.New(s, &identity.Options{InsecureCheapHashing: true, InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", nil)
	check(t, "OpenUserPool", err)
	check(t, "SignIn", byPassword(t, pool.AppClient, "alice", goldenPassword))
	_, found := collect(t, pool.Admin(), identity.EventQuery{Kinds: []identity.EventKind{identity.EventSignedIn}})
	if len(found) != 2 {
		t.Fatalf("%d events of sign-ins are found, want the old one and the new one", len(found))
	}
	if old, fresh := found[0], found[1]; old.Actor.Kind != "" || fresh.Actor.Kind != identity.ActorUser || old.Sub != fresh.Sub {
		t.Errorf("the events are %+v and %+v", old, fresh)
	}
	if n := len(entries(t, s, `"kind":"SignIn"`)); n != 1 {
		t.Errorf("%d records keep the text of before, want 1", n)
	}
}

// Each old name of a kind is read as one of today, and a failure as one.
func TestOldKindsAreRead(t *testing.T) {
	for old, want := range map[string]string{
		"SignIn": "SignedIn", "SignInFailure": "SignInFailed WrongPassword", "MFAFailure": "MFAFailed WrongCode", "Groups": "GroupsChanged",
		"RefreshTokenReuse": "RefreshTokenReused TokenReused", "AdminUserGlobalSignOut": "SignedOutEverywhere", "UserCreated": "UserCreated",
	} {
		var ev identity.Event
		check(t, "Unmarshal", json.Unmarshal([]byte(`{"pool":"p","id":"i","kind":"`+old+`","sub":"s"}`), &ev))
		if got := strings.TrimSpace(string(ev.Kind) + " " + string(ev.Failure)); got != want {
			t.Errorf("%s is read as %q, want %q", old, got, want)
		}
	}
}

func TestEventsAreReadByTimeAndPage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 150 sign-ins")
	}
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	alice := f.join(t, pool, "alice", email)
	for range 150 {
		f.advance(time.Minute)
		f.signIn(t, pool.AppClient, "alice")
	}
	f.join(t, pool, "bob", "bob@example.com")
	signIns := identity.EventQuery{Kinds: []identity.EventKind{identity.EventSignedIn}, Sub: alice.Sub}
	_, all := collect(t, pool.Admin(), signIns)
	if len(all) != 150 {
		t.Fatalf("%d sign-ins are found, want 150", len(all))
	}
	for _, newest := range []bool{false, true} {
		q := signIns
		q.Newest, q.From, q.To = newest, all[10].Time, all[100].Time
		_, some := collect(t, pool.Admin(), q)
		if newest {
			slices.Reverse(some)
		}
		if len(some) != 90 || some[0].ID != all[10].ID || some[89].ID != all[99].ID {
			t.Errorf("newest first %v: %d events of a time are found, want 90 from the first to before the last", newest, len(some))
		}
		q = signIns
		q.Newest, q.After = newest, all[120]
		if _, some = collect(t, pool.Admin(), q); newest && len(some) != 120 || !newest && len(some) != 29 {
			t.Errorf("newest first %v: %d events are found after the 121st", newest, len(some))
		}
	}
	for _, err := range f.elsewhere(t).Events(t.Context(), identity.EventQuery{}) {
		wantErr(t, "Events", err, identity.ErrPoolNotFound)
	}
}

// elsewhere is a pool that is gone.
func (f *fixture) elsewhere(t *testing.T) *identity.Admin {
	t.Helper()
	p, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "elsewhere", Algorithm: "ES256"})
	check(t, "CreateUserPool", err)
	pool, err := f.UserPool(t.Context(), p.ID)
	check(t, "UserPool", err)
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	return pool.Admin()
}

// A caller who stops after the first event has read one batch and no more.
func TestAPageOfEventsCostsItsPage(t *testing.T) {
	if testing.Short() {
		t.Skip("makes more than a hundred events")
	}
	s := &readCounter{Store: memory.New()}
	f := newEngineOn(t, s)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 100 {
		f.signIn(t, pool.AppClient, "alice")
	}
	s.read = 0
	for _, err := range pool.Admin().Events(t.Context(), identity.EventQuery{Newest: true}) {
		check(t, "Events", err)
		break
	}
	if s.read == 0 || s.read > 65 {
		t.Errorf("%d entries were read for one event, want at most a batch of 64 and the pool", s.read)
	}
}

func TestEventsHoldNoSecret(t *testing.T) {
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{SRP: true, MFA: "OPTIONAL", TOTP: new(true)})
	secrets := spill(t, f, pool)
	key := f.enroll(t, f.session(t, f.joined(t, pool, "dave"), "dave"))
	secrets = append(secrets, string(key))
	_, all := collect(t, pool.Admin(), identity.EventQuery{})
	for ev, err := range f.Events(t.Context(), identity.EventQuery{}) {
		check(t, "Events", err)
		all = append(all, ev)
	}
	text, err := json.Marshal(all)
	check(t, "Marshal", err)
	for _, s := range secrets {
		if form := shows(text, s); form != "" {
			t.Errorf("events show %q, as %s", s, form)
		}
	}
	if len(all) < 15 || shows(text, "AccessKeyCreated") == "" {
		t.Errorf("there are %d events: the search is blind", len(all))
	}
}

func (f *fixture) joined(t *testing.T, pool *identity.UserPool, name string) *identity.AppClient {
	t.Helper()
	f.join(t, pool, name, name+"@example.com")
	return pool.AppClient
}

// Strangers could make any number of events of names that nobody has.
func TestNobodyHasEvents(t *testing.T) {
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	_, err := pool.ForgotPassword(t.Context(), "nobody", "")
	check(t, "ForgotPassword", err)
	_, err = pool.ResendConfirmationCode(t.Context(), "nobody", "")
	check(t, "ResendConfirmationCode", err)
	wantErr(t, "ConfirmSignUp", pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "nobody", Code: "x"}), identity.ErrCodeMismatch)
	wantErr(t, "ConfirmForgotPassword", pool.ConfirmForgotPassword(t.Context(), identity.ConfirmForgotPassword{
		Username: "nobody", Code: "x", Password: password,
	}), identity.ErrCodeMismatch)
	wantErr(t, "SignIn", byPassword(t, pool.AppClient, "nobody", wrong), identity.ErrIncorrectCredentials)
	_, all := collect(t, pool.Admin(), identity.EventQuery{})
	for _, ev := range all {
		if strings.HasPrefix(ev.Sub, "?") {
			t.Errorf("there is an event of nobody: %+v", ev)
		}
	}
	if n := f.rows(t)["echoes"].rows; n == 0 {
		t.Error("nothing was written in the place of events: the time would tell")
	}
	f.advance(26 * time.Hour)
	f.sweep(t)
	for table, left := range f.rows(t) {
		if name, _, _ := strings.Cut(table, "."); slices.Contains([]string{"throttles", "codes"}, name) && left.rows > 0 {
			t.Errorf("%d rows are left in %s after a day", left.rows, table)
		}
	}
}

// The failure that locks a user out says so, and what is refused then leaves nothing.
func TestALockOutIsInItsEvent(t *testing.T) {
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 7 {
		_ = byPassword(t, pool.AppClient, "alice", wrong)
		f.advance(time.Millisecond)
	}
	_, all := collect(t, pool.Admin(), identity.EventQuery{Kinds: []identity.EventKind{identity.EventSignInFailed}})
	if len(all) != 5 {
		t.Fatalf("%d failures are on record, want 5", len(all))
	}
	for i, ev := range all {
		if locked := ev.Data["locked"] == "true"; locked != (i == 4) {
			t.Errorf("failure %d locks: %v", i+1, locked)
		}
	}
}
