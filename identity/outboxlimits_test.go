package identity_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// The limits of messages to an address, and to numbers that begin alike, hold for what waits in
// the outbox: it has none of its own.
func TestLimitsOfMessagesHoldInTheOutbox(t *testing.T) {
	if testing.Short() {
		t.Skip("sends messages until no more are sent")
	}
	for name, tt := range few.Named(2, map[string]struct {
		attribute string
		address   func(i int) string
		want      int
	}{
		"one address": {"email", func(int) string { return "Shared@example.com" }, 10},
		"one number":  {"phone_number", func(int) string { return "+4915112345678" }, 10},
		"one range":   {"phone_number", func(i int) string { return fmt.Sprintf("+49151123%05d", i) }, 100},
	}) {
		t.Run(name, func(t *testing.T) {
			q := newQueuing(t, memory.New(), identity.PoolSettings{AutoVerified: []string{tt.attribute}}, func(o *identity.Options) {
				o.Limits = identity.Limits{} // the defaults
			})
			refused := 0
			for i := range tt.want + 5 {
				_, err := q.pool.SignUp(t.Context(), identity.SignUp{
					Username: fmt.Sprintf("user%d", i), Password: password, Attributes: map[string]string{tt.attribute: tt.address(i)},
				})
				if errors.Is(err, identity.ErrLimitExceeded) {
					refused++
					continue
				}
				check(t, "SignUp", err)
			}
			if n := q.send(t); n != tt.want || refused != 5 {
				t.Errorf("%d sent and %d refused, want %d and 5", n, refused, tt.want)
			}
		})
	}
}
