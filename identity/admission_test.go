package identity_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// TestPasswordWait has many more passwords at once than there are processors.
func TestPasswordWait(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a queue of hashes")
	}
	for _, tt := range []struct {
		name string
		wait time.Duration
		busy bool
	}{{"next to none", 1, true}, {"the default", 0, false}} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.PasswordWait, o.InsecureCheapHashing = tt.wait, false })
			pool := f.open(t, identity.PoolSettings{})
			busy := 0
			for _, err := range together(4*runtime.GOMAXPROCS(0), func(int) error { return byPassword(t, pool.AppClient, "nobody", wrong) }) {
				if errors.Is(err, identity.ErrBusy) {
					busy++
				}
			}
			if (busy > 0) != tt.busy {
				t.Errorf("%d sign-ins were refused as too many", busy)
			}
		})
	}
}
