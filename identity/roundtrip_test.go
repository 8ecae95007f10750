package identity_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestRoundTrips(t *testing.T) {
	e, clock := roundTripEngine(t)
	client, other := roundTripClient(t, e), roundTripClient(t, e)
	begin := func() string {
		t.Helper()
		state, err := client.BeginRoundTrip(t.Context(), []byte("canary"))
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	end := func(c *identity.AppClient, state string) error {
		return c.EndRoundTrip(t.Context(), state, func(data []byte) error {
			if string(data) != "canary" {
				t.Errorf("data %q", data)
			}
			return nil
		})
	}
	state := begin()
	if strings.Contains(state, "canary") || identity.RoundTripClient(state) != client.ClientID() {
		t.Errorf("state %q", state)
	}
	mine := errors.New("mine")
	if err := client.EndRoundTrip(t.Context(), state, func([]byte) error { return mine }); !errors.Is(err, mine) {
		t.Error(err)
	}
	if err := end(client, state); err != nil { // accept has refused it, so it was not used
		t.Error(err)
	}
	if err := end(client, state); !errors.Is(err, identity.ErrSessionUsed) {
		t.Errorf("twice: %v", err)
	}
	state = begin()
	_, sealed, _ := strings.Cut(state, ".")
	for _, bad := range []string{"", sealed, state + "x", state[:len(state)-2] + "AA", other.ClientID() + "." + sealed, client.ClientID() + "."} {
		if err := end(client, bad); !errors.Is(err, identity.ErrSessionInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := end(other, other.ClientID()+"."+sealed); !errors.Is(err, identity.ErrSessionInvalid) {
		t.Errorf("by another client: %v", err)
	}
	clock.Add(int64(identity.RoundTripLife))
	if err := end(client, state); !errors.Is(err, identity.ErrSessionExpired) {
		t.Errorf("late: %v", err)
	}
}

func TestRoundTripEndsOnceOfMany(t *testing.T) {
	e, _ := roundTripEngine(t)
	client := roundTripClient(t, e)
	state, err := client.BeginRoundTrip(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var won atomic.Int32
	for range 50 {
		all.Go(func() {
			err := client.EndRoundTrip(t.Context(), state, func([]byte) error { return nil })
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, identity.ErrSessionUsed):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have used one state", won.Load())
	}
}

// roundTripEngine returns an engine and the nanoseconds by which its clock is ahead.
func roundTripEngine(t *testing.T) (*identity.Engine, *atomic.Int64) {
	t.Helper()
	ahead, begun := &atomic.Int64{}, time.Now()
	return identity.New(memory.New(), &identity.Options{Clock: func() time.Time { return begun.Add(time.Duration(ahead.Load())) }, InsecureUnsealed: true}), ahead
}

func roundTripClient(t *testing.T, e *identity.Engine) *identity.AppClient {
	t.Helper()
	pool, err := e.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Region: "us-east-1", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.UserPool(t.Context(), pool.ID)
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	return p.Client(info.ID)
}
