package identity_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// newSmall returns an engine whose pools take few users.
func newSmall(t *testing.T, q identity.Quotas) *fixture {
	return newEngineWith(t, memory.New(), func(o *identity.Options) { o.Quotas, o.Limits = q, identity.NoMessageLimits })
}

func (f *fixture) trySignUp(t *testing.T, pool *identity.UserPool, address string) error {
	t.Helper()
	_, err := pool.SignUp(t.Context(), identity.SignUp{Username: address, Password: password, Attributes: map[string]string{"email": address}})
	return err
}

// fill signs users up until a pool takes no more, and returns how many it took.
func (f *fixture) fill(t *testing.T, pool *identity.UserPool, prefix string) int {
	t.Helper()
	for n := 0; n < 50; n++ {
		err := f.trySignUp(t, pool, fmt.Sprintf("%s%d@example.com", prefix, n))
		if errors.Is(err, identity.ErrQuotaExceeded) {
			return n
		}
		check(t, "sign up", err)
	}
	t.Fatal("a pool without end")
	return 0
}

var byEmail = identity.PoolSettings{UsernameAttributes: []string{"email"}}

func TestUnconfirmedUsersAreBounded(t *testing.T) {
	f := newSmall(t, identity.Quotas{Unconfirmed: 5})
	pool := f.open(t, byEmail)
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256", UsernameAttributes: []string{"email"}})
	check(t, "OpenUserPool", err)
	if n := f.fill(t, pool, "a"); n != 5 {
		t.Fatalf("%d unconfirmed users, want 5", n)
	}
	var quota *identity.QuotaError
	if err := f.trySignUp(t, pool, "more@example.com"); !errors.As(err, &quota) || quota.Max != 5 || quota.What != "unconfirmed users" {
		t.Errorf("got %v", err)
	}
	check(t, "sign-up in another pool", f.trySignUp(t, other, "a@example.com"))
	_, err = pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "operator@example.com"})
	check(t, "an operator's user", err)
	for _, name := range []string{"a0@example.com", "a1@example.com"} {
		check(t, "ConfirmSignUp", pool.Admin().Users().Confirm(t.Context(), name))
	}
	wantErr(t, "at once", f.trySignUp(t, pool, "more@example.com"), identity.ErrQuotaExceeded)
	f.advance(time.Minute)
	if n := f.fill(t, pool, "b"); n != 2 {
		t.Errorf("%d more users after 2 were confirmed", n)
	}
}

func TestUsersAreBounded(t *testing.T) {
	f := newSmall(t, identity.Quotas{Users: 4})
	pool := f.open(t, byEmail)
	_, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "operator@example.com"})
	check(t, "an operator's user", err)
	f.join(t, pool, "joined@example.com", "joined@example.com")
	if n := f.fill(t, pool, "a"); n != 2 {
		t.Errorf("%d more users, want 2", n)
	}
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "a0@example.com"))
	f.advance(time.Minute)
	if n := f.fill(t, pool, "b"); n != 1 {
		t.Errorf("%d users in the place of 1", n)
	}
}

// Where unconfirmed users do not expire there is no bound, for nothing would make room.
func TestDefaultOfUnconfirmedUsers(t *testing.T) {
	f := newSmall(t, identity.Quotas{})
	for _, tt := range []struct {
		s    identity.PoolSettings
		want int
	}{{identity.PoolSettings{Generation: 1}, 100_000}, {identity.PoolSettings{UnconfirmedDays: ptr(0)}, 0}, {identity.PoolSettings{Defaults: identity.CognitoDefaults}, 0}} {
		if got := f.UnconfirmedLimit(&tt.s); got != tt.want {
			t.Errorf("%+v: limit %d, want %d", tt.s, got, tt.want)
		}
	}
}

// A sign-up that many make at once never makes more users than a process allows.
func TestSignUpsAtOnceKeepToTheQuota(t *testing.T) {
	f := newSmall(t, identity.Quotas{Unconfirmed: 12})
	pool := f.open(t, byEmail)
	var made atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch err := f.trySignUp(t, pool, fmt.Sprintf("u%d@example.com", i)); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, identity.ErrQuotaExceeded):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := made.Load(); n > 12 || n == 0 {
		t.Errorf("%d users, want 12 at most", n)
	}
	f.advance(time.Minute)
	if n := int(made.Load()) + f.fill(t, pool, "more"); n != 12 {
		t.Errorf("%d users in all, want 12", n)
	}
}

// A failed sign-up gives its seat back.
func TestRefusedSignUpsTakeNoSeat(t *testing.T) {
	f := newSmall(t, identity.Quotas{Unconfirmed: 5})
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}, HideSignUp: ptr(false), ReplaceUnconfirmed: ptr(false)})
	check(t, "the first", f.trySignUp(t, pool, "first@example.com"))
	for range 20 {
		wantErr(t, "taken", f.trySignUp(t, pool, "first@example.com"), identity.ErrUsernameExists)
	}
	if n := f.fill(t, pool, "a"); n != 4 {
		t.Errorf("%d more users, want 4", n)
	}
}

// Whoever fills a pool cannot tell by its last seats whether an address has an account.
func TestAFullPoolTellsNothingAboutNames(t *testing.T) {
	room := func(victim func(f *fixture, pool *identity.UserPool)) (now, later int) {
		f := newSmall(t, identity.Quotas{Unconfirmed: 9})
		pool := f.open(t, byEmail)
		victim(f, pool)
		f.advance(time.Minute)
		for range 3 {
			check(t, "sign-up with the victim's address", f.trySignUp(t, pool, "victim@example.com"))
		}
		f.advance(time.Minute)
		now = f.fill(t, pool, "a")
		wantErr(t, "the victim's address in a full pool", f.trySignUp(t, pool, "victim@example.com"), identity.ErrQuotaExceeded)
		check(t, "ConfirmSignUp", pool.Admin().Users().Confirm(t.Context(), "a0@example.com"))
		f.advance(time.Minute)
		return now, f.fill(t, pool, "b")
	}
	n0, l0 := room(func(*fixture, *identity.UserPool) {})
	n1, l1 := room(func(f *fixture, pool *identity.UserPool) { f.join(t, pool, "victim@example.com", "victim@example.com") })
	if n0 != n1 || l0 != l1 || n0 == 0 || l0 == 0 {
		t.Errorf("without an account there is room for %d and then %d, with an account for %d and then %d", n0, l0, n1, l1)
	}
}
