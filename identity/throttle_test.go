package identity_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// Whom the tests lock out: a user, and a name that nobody has, which must look the same.
var lockable = []string{"alice", "nobody"}

func TestParallelGuessesAreJudgedFiveTimes(t *testing.T) {
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			pool := f.open(t, identity.PoolSettings{})
			f.join(t, pool, "alice", email)
			for _, name := range lockable {
				errs := together(40, func(int) error { return byPassword(t, pool.AppClient, name, wrong) })
				judged := tally(t, errs, identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)[identity.ErrIncorrectCredentials]
				if judged != 5 {
					t.Errorf("%s: %d of 40 guesses were judged, want 5", name, judged)
				}
			}
		})
	}
}

func TestParallelRightPasswordAmongGuessesIsNotLeaked(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 5 {
		wantErr(t, "wrong password", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	}
	errs := together(40, func(i int) error { return byPassword(t, pool.AppClient, "alice", []string{password, wrong}[i%2]) })
	tally(t, errs, identity.ErrTooManyAttempts)
}

// together calls fn n times at once and returns what each call returned.
func together(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	var begin, end sync.WaitGroup
	begin.Add(1)
	for i := range n {
		end.Go(func() {
			begin.Wait()
			errs[i] = fn(i)
		})
	}
	begin.Done()
	end.Wait()
	return errs
}

// tally counts errors, which must all be among those given; nil is counted under nil.
func tally(t testing.TB, errs []error, among ...error) map[error]int {
	t.Helper()
	counts := map[error]int{}
	for _, err := range errs {
		known := false
		for _, a := range among {
			if errors.Is(err, a) {
				known = true
				counts[a]++
				break
			}
		}
		if !known {
			t.Errorf("error %v, want one of %v", err, among)
		}
	}
	return counts
}

func TestLockDoublesAndEnds(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		for range 4 {
			wantErr(t, "free failure", byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials)
		}
		lock := time.Second
		for lock <= 15*time.Minute {
			wantErr(t, name+": wrong password", byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials)
			f.advance(lock - time.Millisecond)
			wantErr(t, name+": right password in the lock of "+lock.String(), byPassword(t, pool.AppClient, name, password), identity.ErrTooManyAttempts)
			wantErr(t, name+": wrong password in it", byPassword(t, pool.AppClient, name, wrong), identity.ErrTooManyAttempts)
			f.advance(time.Millisecond)
			if lock *= 2; lock > 15*time.Minute && lock < 30*time.Minute {
				lock = 15 * time.Minute
			}
		}
	}
	wantErr(t, "right password at last", byPassword(t, pool.AppClient, "alice", password), nil)
}

func TestOwnerSignsInSoonAfterFiveFailures(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 5 {
		wantErr(t, "wrong password", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	}
	for range 20 { // an attacker goes on, which must not lengthen the lock
		wantErr(t, "attacker", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrTooManyAttempts)
	}
	f.advance(12 * time.Second)
	wantErr(t, "owner", byPassword(t, pool.AppClient, "alice", password), nil)
	for range 4 { // the row is forgotten
		wantErr(t, "wrong password", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	}
	wantErr(t, "owner", byPassword(t, pool.AppClient, "alice", password), nil)
}

func TestAtMostAHundredGuessesADay(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a hundred passwords of each name")
	}
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range few.Of(2, lockable) {
		judged := 0
		for begin := f.now(); f.now().Sub(begin) < 24*time.Hour; f.advance(31 * time.Minute) {
			for errors.Is(byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials) {
				judged++
			}
			if name == "alice" && judged < 100 && judged%10 == 0 { // which the owner's successes do not reset
				f.advance(time.Second)
				wantErr(t, "owner", byPassword(t, pool.AppClient, name, password), nil)
			}
		}
		if judged != 100 {
			t.Errorf("%s: %d guesses were judged in a day, want 100", name, judged)
		}
	}
	f.advance(26 * time.Hour)
	wantErr(t, "a day later", byPassword(t, pool.AppClient, "alice", password), nil)
}

func TestAllWaysToProveAPasswordCountTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("proves passwords in each way")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true, Aliases: []string{"email"}})
	sub := f.join(t, pool, "alice", email).Sub
	other := f.client(t, pool, identity.ClientSettings{})
	for i, try := range []func() error{
		func() error { return byPassword(t, pool.AppClient, "alice", wrong) },
		func() error { return byPassword(t, other, "ALICE", wrong) },
		func() error { return byPassword(t, pool.AppClient, sub, wrong) },
		func() error { _, err := srpWay(t, pool.AppClient, pool.PoolID(), email, wrong); return err },
		func() error { _, err := srpWay(t, other, pool.PoolID(), "alice", wrong); return err },
	} {
		wantErr(t, "attempt "+string(rune('1'+i)), try(), identity.ErrIncorrectCredentials)
	}
	for how, try := range ways {
		for _, name := range []string{"alice", email} {
			_, err := try(t, pool.AppClient, pool.PoolID(), name, password)
			wantErr(t, name+" by "+how, err, identity.ErrTooManyAttempts)
		}
	}
	f.advance(time.Second)
	for how, try := range ways {
		_, err := try(t, pool.AppClient, pool.PoolID(), "alice", password)
		wantErr(t, "later, by "+how, err, nil)
	}
}

func TestLockOfNobodyIsThatOfTheFoldedName(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	for _, name := range []string{"zo\u00eb", "ZO\u00cb", "zoe\u0308", "Zoe\u0308", "zo\u00eb"} {
		wantErr(t, name, byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials)
	}
	for how, try := range ways {
		_, err := try(t, pool.AppClient, pool.PoolID(), "Zo\u00eb", password)
		wantErr(t, "by "+how, err, identity.ErrTooManyAttempts)
	}
}

func TestLockIsOfOneUserInOnePool(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	f.join(t, other, "alice", email)
	for range 6 {
		_ = byPassword(t, pool.AppClient, "alice", wrong)
	}
	wantErr(t, "bob", byPassword(t, pool.AppClient, "bob", password), nil)
	wantErr(t, "alice of another pool", byPassword(t, other.AppClient, "alice", password), nil)
	wantErr(t, "alice", byPassword(t, pool.AppClient, "alice", password), identity.ErrTooManyAttempts)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", chosen, true))
	wantErr(t, "alice, once an operator set the password", byPassword(t, pool.AppClient, "alice", chosen), nil)
}

func TestLockOutlivesTheProcess(t *testing.T) {
	s := memory.New()
	f := newEngineOn(t, s)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 5 {
		_ = byPassword(t, pool.AppClient, "alice", wrong)
	}
	_, err := f.Sweep(t.Context())
	check(t, "Sweep", err)
	again, err := newEngineOn(t, s).UserPool(t.Context(), pool.PoolID())
	check(t, "UserPool", err)
	wantErr(t, "after a restart", byPassword(t, again.AppClient, "alice", password), identity.ErrTooManyAttempts)
}
