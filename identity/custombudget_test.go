package identity_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

// TestCustomSignInsAreBounded: hooks may send a message for each custom sign-in that begins.
// So whoever has many addresses has one user sent no more than the limit, and keeps nobody
// out of an account that knows the source. A name that nobody has is counted alike.
func TestCustomSignInsAreBounded(t *testing.T) {
	made := 0
	h := (&game{create: func(*hook.CreateAuthChallenge) hook.CreateAuthChallengeDecision {
		made++
		return hook.CreateAuthChallengeDecision{Private: map[string]string{"answer": "right"}}
	}}).hooks()
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Hooks = &h
		o.Limits.CustomSignInsPerHour = 3
	})
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	a := f.customClient(t, pool, true)
	home := identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr("192.0.2.1")})
	check(t, "a sign-in from home", second(a.SignIn(home, identity.SignIn{Username: "alice", Password: password})))
	begin := func(name string, n byte) error {
		ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.AddrFrom4([4]byte{198, 51, 100, n})})
		return second(a.StartCustom(ctx, identity.StartCustom{Username: name}))
	}
	for _, name := range []string{"alice", "nobody"} {
		made = 0
		for n := range byte(3) {
			check(t, name, begin(name, n))
		}
		for n := range byte(10) {
			wantErr(t, name+", once more", begin(name, 100+n), identity.ErrLimitExceeded)
		}
		if made != 3 {
			t.Errorf("%s: %d challenges were made, want 3", name, made)
		}
	}
	check(t, "another user", begin("bob", 1))
	for range 3 {
		check(t, "alice from home", second(a.StartCustom(home, identity.StartCustom{Username: "alice"})))
	}
	wantErr(t, "alice from home, once more", second(a.StartCustom(home, identity.StartCustom{Username: "alice"})), identity.ErrLimitExceeded)
	f.advance(65 * time.Minute)
	check(t, "an hour later", begin("alice", 1))
	check(t, "an hour later, from home", second(a.StartCustom(home, identity.StartCustom{Username: "alice"})))
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "alice"))
	check(t, "Verify", verify(t, f.store))
}
