package identity_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

func TestOpenedPoolIsTheSame(t *testing.T) {
	f := newEngine(t)
	first := f.open(t, identity.PoolSettings{SRP: true})
	again, err := f.OpenUserPool(t.Context(), t.Name(), &identity.PoolSettings{Name: "other", Region: "nowhere"})
	if err != nil || again.PoolID() != first.PoolID() || again.ClientID() != first.ClientID() {
		t.Fatalf("OpenUserPool = %+v, %v, want the pool as it was made", again, err)
	}
	info, err := again.Admin().Describe(t.Context())
	if err != nil || info.Settings.Name != t.Name() || !info.Settings.SRP {
		t.Errorf("settings %+v, %v, want those of the beginning", info, err)
	}
	other, err := f.OpenUserPool(t.Context(), "other", nil)
	if err != nil || other.PoolID() == first.PoolID() {
		t.Errorf("another key opens %+v, %v, want a pool of its own", other, err)
	}
	byID, err := f.UserPool(t.Context(), first.PoolID())
	if err != nil || byID.ClientID() != first.ClientID() {
		t.Errorf("UserPool = %+v, %v, want the same pool", byID, err)
	}
	_, err = f.UserPool(t.Context(), "us-east-1_none")
	wantErr(t, "UserPool", err, identity.ErrPoolNotFound)
}

func TestPoolIDHasItsForm(t *testing.T) {
	f := newEngine(t)
	info, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", Region: "eu-central-1"})
	check(t, "CreateUserPool", err)
	id, ok := strings.CutPrefix(info.ID, "eu-central-1_")
	if !ok || len(id) != 9 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		t.Errorf("pool id %q, want the region and 9 letters and digits", info.ID)
	}
	if want := "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/" + info.ID; f.ARN(info) != want {
		t.Errorf("ARN %q, want %q", f.ARN(info), want)
	}
}

func TestProtectedPoolIsNotDeleted(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{DeletionProtection: true})
	wantErr(t, "Delete", pool.Admin().Delete(t.Context()), identity.ErrDeletionProtected)
	f.join(t, pool, "alice", email)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.DeletionProtection = false }))
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	wantErr(t, "Delete again", pool.Admin().Delete(t.Context()), identity.ErrPoolNotFound)
}

// leaveTraces does all in a pool that leaves records behind.
func leaveTraces(t *testing.T, f *fixture, pool *identity.UserPool) {
	t.Helper()
	client := f.client(t, pool, identity.ClientSettings{Secret: "a_secret_of_26_characters_x"})
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "bob", "bob@example.com")
	_, err := pool.ResendConfirmationCode(t.Context(), "bob", "")
	check(t, "ResendConfirmationCode", err)
	_, err = pool.ResendConfirmationCode(t.Context(), "nobody", "")
	check(t, "ResendConfirmationCode", err)
	f.invite(t, pool, "carol", nil)
	admin := pool.Admin()
	for _, name := range []string{"admins", "editors"} {
		check(t, "Create group", second(admin.Groups().Create(t.Context(), identity.GroupSettings{Name: name})))
		check(t, "AddToGroup", admin.Users().AddToGroup(t.Context(), "bob", name))
	}
	_, err = challenge(t, pool.AppClient, "carol").Answer(t.Context(), identity.NewPassword{Password: chosen})
	check(t, "Answer", err)
	for _, name := range lockable {
		wantErr(t, name, byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials)
	}
	f.signIn(t, pool.AppClient, "alice")
	_, err = client.SignIn(t.Context(), identity.SignIn{
		Username: "alice", Password: password, SecretHash: identity.SecretHash("a_secret_of_26_characters_x", "alice", client.ClientID()),
	})
	check(t, "SignIn", err)
}

// entries are all entries of a store that hold some text in key or value.
func entries(t testing.TB, s store.Store, text string) []string {
	t.Helper()
	var found []string
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range identity.Tables().Tables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				if text != "" && table == "events" && strings.HasPrefix(e.Key, store.Key("")) {
					continue // an event of the whole engine, such as that a pool was deleted
				}
				if strings.Contains(e.Key, text) || strings.Contains(string(e.Value), text) {
					found = append(found, table+" "+strings.ToValidUTF8(e.Key, "?"))
				}
			}
		}
		return nil
	}))
	return found
}

func TestDeletedPoolLeavesNothingBehind(t *testing.T) {
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			kept, err := f.OpenUserPool(t.Context(), "kept", &identity.PoolSettings{Algorithm: "ES256"})
			check(t, "OpenUserPool", err)
			leaveTraces(t, f, kept)
			before := len(entries(t, f.store, ""))
			pool := f.open(t, identity.PoolSettings{SRP: true})
			leaveTraces(t, f, pool)
			if n := len(entries(t, f.store, pool.PoolID())); n < 20 {
				t.Fatalf("%d entries name the pool: the test sees too little", n)
			}
			check(t, "Delete group", pool.Admin().Groups().Delete(t.Context(), "editors"))
			check(t, "Delete", pool.Admin().Delete(t.Context()))
			wantErr(t, "SignUp", second(pool.SignUp(t.Context(), identity.SignUp{Username: "dave", Password: password})), identity.ErrClientNotFound)
			_, err = f.Sweep(t.Context())
			check(t, "Sweep", err)
			for _, text := range []string{pool.PoolID(), pool.ClientID()} {
				if left := entries(t, f.store, text); len(left) > 0 {
					t.Errorf("%q is left behind in %q", text, left)
				}
			}
			if after := len(entries(t, f.store, "")); after != before+2 { // the event of the deletion, and when it expires
				t.Errorf("%d entries are left, want the %d of before and 2", after, before)
			}
			check(t, "Verify", verify(t, f.store))
			f.signIn(t, kept.AppClient, "alice")
			again := f.open(t, identity.PoolSettings{})
			if again.PoolID() == pool.PoolID() {
				t.Error("the pool is opened again with its old id")
			}
		})
	}
}

// TestPoolDeletedMeanwhileTakesNobodyIn deletes a pool, and sweeps what was in
// it, after a call has read it and before the call writes.
func TestPoolDeletedMeanwhileTakesNobodyIn(t *testing.T) {
	for name, tt := range few.Named(2, map[string]struct {
		call func(pool *identity.UserPool) error
		want error
	}{
		"SignUp": {func(pool *identity.UserPool) error {
			return second(pool.SignUp(t.Context(), identity.SignUp{Username: "bob", Password: password, Attributes: map[string]string{"email": email}}))
		}, identity.ErrClientNotFound},
		"Create": {func(pool *identity.UserPool) error {
			return second(pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "bob", SuppressInvitation: true}))
		}, identity.ErrPoolNotFound},
		"SetPassword": {func(pool *identity.UserPool) error {
			return pool.Admin().Users().SetPassword(t.Context(), "alice", chosen, true)
		}, identity.ErrUserNotFound},
		"CreateClient": {func(pool *identity.UserPool) error {
			return second(pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "new"}))
		}, identity.ErrPoolNotFound},
		"CreateGroup": {func(pool *identity.UserPool) error {
			return second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "new"}))
		}, identity.ErrPoolNotFound},
		"AddToGroup": {func(pool *identity.UserPool) error {
			return pool.Admin().Users().AddToGroup(t.Context(), "alice", "admins")
		}, identity.ErrUserNotFound},
		"Disable":    {func(pool *identity.UserPool) error { return pool.Admin().Users().Disable(t.Context(), "alice") }, identity.ErrUserNotFound},
		"RevokeKeys": {func(pool *identity.UserPool) error { return pool.Admin().RevokeKeys(t.Context()) }, identity.ErrPoolNotFound},
		"RotateKeys": {func(pool *identity.UserPool) error { return pool.Admin().RotateKeys(t.Context(), 0) }, identity.ErrPoolNotFound},
		"SignIn": {func(pool *identity.UserPool) error {
			return byPassword(t, pool.AppClient, "alice", password)
		}, identity.ErrIncorrectCredentials},
	}) {
		s := &hookedStore{Store: memory.New()}
		f := newEngineOn(t, s)
		pool := f.open(t, identity.PoolSettings{})
		f.join(t, pool, "alice", email)
		f.signIn(t, pool.AppClient, "alice")
		s.hook = func() {
			check(t, "Delete", pool.Admin().Delete(t.Context()))
			check(t, "Sweep", second(f.Sweep(t.Context())))
		}
		wantErr(t, name, tt.call(pool), tt.want)
		f.advance(100 * 24 * time.Hour)
		check(t, "Sweep", second(f.Sweep(t.Context())))
		if left := entries(t, s, ""); len(left) > 0 {
			t.Errorf("%s leaves %q behind", name, left)
		}
	}
}

// second is the second of two results.
func second[T any](_ T, err error) error { return err }

func TestSweepRemovesWhatHasExpired(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	leaveTraces(t, f, pool)
	n, err := f.Sweep(t.Context())
	if err != nil || n != 0 {
		t.Errorf("Sweep = %d, %v, want nothing to be removed yet", n, err)
	}
	f.advance(100 * 24 * time.Hour)
	n, err = f.Sweep(t.Context())
	if err != nil || n == 0 {
		t.Errorf("Sweep = %d, %v, want some removed", n, err)
	}
	for _, table := range []string{"codes", "families", "spent", "throttles", "events"} {
		for _, table := range []string{table, table + ".expiry"} {
			for _, e := range entries(t, f.store, "") {
				if strings.HasPrefix(e, table+" ") {
					t.Errorf("%s is left", e)
				}
			}
		}
	}
	check(t, "Verify", verify(t, f.store))
	wantErr(t, "SignIn", byPassword(t, pool.AppClient, "alice", password), nil)
}

func TestMaintainSweepsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newEngine(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Maintain(ctx) }()
		for range 3 {
			pool := f.open(t, identity.PoolSettings{})
			check(t, "Delete", pool.Admin().Delete(t.Context()))
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if left := entries(t, f.store, pool.PoolID()); len(left) > 0 {
				t.Errorf("%q is left ten minutes later", left)
			}
		}
		cancel()
		<-done
	})
}

func TestPoolsAreListedByRegion(t *testing.T) {
	f := newEngine(t)
	want := map[string]bool{}
	for _, region := range []string{"eu-west-1", "eu-west-1", "eu-west-1", "eu-west-2"} {
		info, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", Region: region})
		check(t, "CreateUserPool", err)
		if region == "eu-west-1" {
			want[info.ID] = true
		}
	}
	after := ""
	for range len(want) { // one at a time
		for p, err := range f.UserPools(t.Context(), "eu-west-1", after) {
			check(t, "UserPools", err)
			if !want[p.ID] || p.ID <= after {
				t.Errorf("pool %s after %q, want those of the region in order", p.ID, after)
			}
			after = p.ID
			delete(want, p.ID)
			break
		}
	}
	if len(want) > 0 {
		t.Errorf("pools %v are missing", want)
	}
	for p, err := range f.UserPools(t.Context(), "eu-west-1", after) {
		t.Errorf("pool %+v, %v after the last", p, err)
	}
}

func TestPoolsOfAllRegions(t *testing.T) {
	f := newEngine(t)
	want := map[string]string{} // ids by region
	for _, region := range []string{"eu-west-2", "eu-west-1", "us-east-1"} {
		info, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", Region: region})
		check(t, "CreateUserPool", err)
		want[region] = info.ID
	}
	after := ""
	for _, region := range []string{"eu-west-1", "eu-west-2", "us-east-1", "none"} { // one at a time
		got := ""
		for p, err := range f.UserPools(t.Context(), "", after) {
			check(t, "UserPools", err)
			got, after = p.ID, p.ID
			break
		}
		if got != want[region] {
			t.Errorf("pool %s after %q, want that of %s", got, after, region)
		}
	}
}

// A listing reads many pools in parts, and holds no transaction while its consumer is busy.
func TestManyPoolsAreListedInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 150 pools")
	}
	f := newEngine(t)
	var want, got []string
	for i := range 150 {
		info, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", Region: []string{"eu-west-1", "us-east-1"}[i%2]})
		check(t, "CreateUserPool", err)
		want = append(want, info.ID)
	}
	for p, err := range f.UserPools(t.Context(), "", "") {
		check(t, "UserPools", err)
		got = append(got, p.ID)
		pool, err := f.UserPool(t.Context(), p.ID)
		check(t, "UserPool", err)
		check(t, "Delete", pool.Admin().Delete(t.Context()))
	}
	slices.Sort(want) // an id begins with its region
	if !slices.Equal(got, want) {
		t.Errorf("%d pools were listed, want each of %d once and in order", len(got), len(want))
	}
}

func TestAccessKeysAreToldOnce(t *testing.T) {
	f := newEngine(t)
	keys := f.AccessKeys()
	k, secret, err := keys.Create(t.Context(), "deploy", nil)
	check(t, "Create", err)
	if len(k.ID) != 20 || len(secret) != 40 || k.Name != "deploy" {
		t.Errorf("key %+v with a secret of %d characters", k, len(secret))
	}
	got, ok, err := keys.Secret(t.Context(), k.ID)
	if err != nil || !ok || got != secret {
		t.Errorf("Secret = %t, %v, want it", ok, err)
	}
	list, err := keys.List(t.Context())
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], k) {
		t.Errorf("List = %v, %v, want the key", list, err)
	}
	for _, want := range []bool{true, false} {
		if was, err := keys.Revoke(t.Context(), k.ID); was != want || err != nil {
			t.Errorf("Revoke = %t, %v, want %t", was, err, want)
		}
	}
	for _, id := range []string{k.ID, "", strings.Repeat("A", 1<<20), "\x00"} {
		if _, ok, err := keys.Secret(t.Context(), id); ok || err != nil {
			t.Errorf("Secret(%q) = %t, %v, want none", clip(id), ok, err)
		}
	}
}
