package cognito_test

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A heldStore answers no read until it is let go.
type heldStore struct {
	store.Store
	entered, release chan struct{}
}

func (s *heldStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.entered <- struct{}{}
	<-s.release
	return s.Store.View(ctx, fn)
}

// TestSaturationByRequestsIsNotHidden fills all slots.
func TestSaturationByRequestsIsNotHidden(t *testing.T) {
	s := &heldStore{memory.New(), make(chan struct{}), make(chan struct{})}
	h := cognito.NewHandler(identity.New(s, nil), &cognito.Options{MaxInFlight: 1})
	if h.Saturated() {
		t.Error("saturated before the first request")
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"MaxResults":1}`))
	r.Header.Set("X-Amz-Target", idpPrefix+"ListUserPools")
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
	var wg sync.WaitGroup
	wg.Go(func() { h.ServeHTTP(httptest.NewRecorder(), r) })
	<-s.entered
	if !h.Saturated() {
		t.Error("not saturated though the only slot is taken")
	}
	close(s.release)
	wg.Wait()
	if h.Saturated() {
		t.Error("saturated after the request")
	}
}

// TestSaturationByPasswordsIsNotHidden has passwords wait for their hash from ever more
// sources, until one more would wait too long. Then all of them go away.
func TestSaturationByPasswordsIsNotHidden(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords at full cost until the queue is full")
	}
	e := identity.New(memory.New(), &identity.Options{Sender: identity.NewOutbox(0)})
	pool, err := e.OpenUserPool(t.Context(), "p", &identity.PoolSettings{Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	h := cognito.NewHandler(e, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i := 0; i < 5000 && !h.Saturated(); i++ {
		from := identity.WithCall(ctx, identity.Call{Address: netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)})})
		wg.Go(func() { _, _ = pool.SignIn(from, identity.SignIn{Username: "nobody", Password: goodPass}) })
		time.Sleep(50 * time.Microsecond) // until it waits
	}
	if !e.Busy() || !h.Saturated() {
		t.Errorf("busy %v, saturated %v, want both", e.Busy(), h.Saturated())
	}
}
