package identity_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// Anybody can have as many devices as they like, so limits by source do not count by them.
func TestNewDevicesGiveASourceNoMoreGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a hundred passwords")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	call := identity.Call{Address: netip.MustParseAddr("203.0.113.7")}
	in := func(device, name string, password identity.Secret) error {
		call.Device = device
		return second(pool.SignIn(identity.WithCall(t.Context(), call), identity.SignIn{Username: name, Password: password}))
	}
	for i := range 100 {
		wantErr(t, "a guess", in(fmt.Sprint("new", i), fmt.Sprint("user", i), wrong), identity.ErrIncorrectCredentials)
	}
	wantErr(t, "one more, from another device", in("newer", "alice", password), identity.ErrTooManyAttempts)
}
