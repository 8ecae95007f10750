package passhash_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity/internal/passhash"
)

type sourceKey struct{}

// as is a context of a source. Operators have a capital.
func as(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, sourceKey{}, name)
}

func bySource() *passhash.Hasher {
	return passhash.New(passhash.InsecureCheap, func(ctx context.Context) passhash.Source {
		name, _ := ctx.Value(sourceKey{}).(string)
		return passhash.Source{Name: name, Operator: name != "" && name[0] <= 'Z'}
	})
}

// served returns the order in which the processors are given to those who come as sources
// says, one after the other, while all processors are busy.
func served(t *testing.T, sources ...string) []string {
	t.Helper()
	h := bySource()
	release := h.Hold()
	var mu sync.Mutex
	var order []string
	for _, name := range sources {
		go func() {
			done, err := h.Wait(as(t.Context(), name))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			done()
		}()
		synctest.Wait()
	}
	release()
	synctest.Wait()
	return order
}

func TestOneSourceDoesNotStarveOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := served(t, "a", "a", "a", "a", "b", "a", "c", "b")
		if want := []string{"a", "b", "c", "a", "b", "a", "a", "a"}; !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
	})
}

func TestManySourcesDoNotStarveOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := served(t, "a", "b", "c", "d", "e", "A", "A", "B")
		if want := []string{"a", "A", "b", "B", "c", "A", "d", "e"}; !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
	})
}

// TestLongWaitIsRefusedAtOnce fills the line of one source. The source is refused without
// waiting, and another is not.
func TestLongWaitIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := bySource()
		h.Expect(100 * time.Millisecond * time.Duration(h.Processors()))
		release := h.Hold()
		fit := int(passhash.Patience / (100 * time.Millisecond))
		wait := func(name string) error {
			begin := time.Now()
			done, err := h.Wait(as(t.Context(), name))
			if err == nil {
				done()
			} else if time.Since(begin) > 2*passhash.Patience {
				t.Errorf("%s was refused after %v", name, time.Since(begin))
			}
			return err
		}
		results := make(chan error, fit)
		for range fit {
			go func() { results <- wait("a") }()
		}
		synctest.Wait()
		begin := time.Now()
		if err := wait("a"); !errors.Is(err, passhash.ErrBusy) || time.Since(begin) != 0 {
			t.Errorf("one more of the source: %v after %v, want ErrBusy at once", err, time.Since(begin))
		}
		if h.Busy() {
			t.Error("the hasher is busy for all, though only one source has many hashes")
		}
		other := make(chan error, 1)
		go func() { other <- wait("b") }()
		synctest.Wait()
		release()
		if err := <-other; err != nil {
			t.Errorf("one of another source: %v", err)
		}
		for range fit {
			if err := <-results; err != nil {
				t.Errorf("one within the bound: %v", err)
			}
		}
	})
}

// TestOvertakenHashGivesUp holds that nobody waits forever whom others overtake.
func TestOvertakenHashGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := bySource()
		release := h.Hold()
		begin := time.Now()
		if _, err := h.Wait(as(t.Context(), "a")); !errors.Is(err, passhash.ErrBusy) || time.Since(begin) != 2*passhash.Patience {
			t.Errorf("%v after %v, want ErrBusy after %v", err, time.Since(begin), 2*passhash.Patience)
		}
		release()
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Errorf("after it gave up: %v", err)
		}
	})
}

// TestPatienceCanBeSet holds both bounds that follow from it.
func TestPatienceCanBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, patience := range []time.Duration{passhash.Patience / 5, passhash.Patience * 5} {
			h := bySource()
			h.SetPatience(patience)
			h.Expect(time.Second * time.Duration(h.Processors()))
			release := h.Hold()
			begin, n, gaveUp := time.Now(), 0, make(chan error)
			for ; n < 100 && !h.Busy(); n++ {
				name := fmt.Sprint("source ", n)
				go func() {
					_, err := h.Wait(as(t.Context(), name))
					gaveUp <- err
				}()
				synctest.Wait()
			}
			if want := int(patience / time.Second); n != want {
				t.Errorf("patience %v: %d seconds' hashes may wait, want %d", patience, n, want)
			}
			for range n {
				if err := <-gaveUp; !errors.Is(err, passhash.ErrBusy) || time.Since(begin) != 2*patience {
					t.Errorf("patience %v: %v after %v, want ErrBusy after twice that", patience, err, time.Since(begin))
				}
			}
			release()
		}
	})
}

func TestBusyForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := bySource()
		h.Expect(time.Second * time.Duration(h.Processors()))
		release := h.Hold()
		ctx, cancel := context.WithCancel(t.Context())
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			if h.Busy() {
				t.Fatalf("busy before %s", name)
			}
			go h.Wait(as(ctx, name)) // it is cancelled
			synctest.Wait()
		}
		if !h.Busy() {
			t.Error("not busy, though a newcomer waits for six seconds")
		}
		cancel()
		synctest.Wait()
		if h.Busy() {
			t.Error("busy, though nobody waits")
		}
		release()
	})
}

// TestImportedHashesAreBounded: each guess at a password costs what its hash says.
func TestImportedHashesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		params string
		ok     bool
	}{
		{"m=19456,t=2,p=1", true},
		{"m=65536,t=4,p=1", true},  // PHP
		{"m=102400,t=2,p=8", true}, // argon2-cffi, until 21.2
		{"m=65536,t=3,p=4", true},  // RFC 9106, second choice
		{"m=131072,t=2,p=1", true},
		{"m=131072,t=3,p=1", false},
		{"m=262144,t=1,p=1", false},
		{"m=65536,t=5,p=1", false},
		{"m=65536,t=1,p=16", false},
	} {
		hash := "$argon2id$v=19$" + tt.params + "$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
		if err := passhash.Check(hash); (err == nil) != tt.ok {
			t.Errorf("Check of %s: %v, want it taken: %v", tt.params, err, tt.ok)
		}
	}
}
