package identity_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestOneOfSeveralEnginesSweeps(t *testing.T) {
	st := memory.New()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	a, b := identity.New(st, &identity.Options{Clock: clock}), identity.New(st, &identity.Options{Clock: clock})
	want := func(what string, e *identity.Engine, want bool) {
		t.Helper()
		got, err := e.TakeSweep(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", what, got, err, want)
		}
	}
	want("the first", a, true)
	want("another", b, false)
	now = now.Add(10 * time.Minute)
	want("the first again", a, true)
	now = now.Add(20 * time.Minute)
	want("another, when the first has renewed it", b, false)
	now = now.Add(10 * time.Minute)
	want("another, when the first has gone silent", b, true)
	want("the first, when it has lost it", a, false)
	a.ReleaseSweep(t.Context())
	want("the first, which cannot give up what is not its own", a, false)
	b.ReleaseSweep(t.Context())
	want("the first, when the other has ended", a, true)
}

func TestOneOfManyTakesALease(t *testing.T) {
	st := memory.New()
	var won atomic.Int64
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			mine, err := identity.New(st, nil).TakeSweep(t.Context())
			if err != nil {
				t.Error(err)
			}
			if mine {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d engines hold the lease", won.Load())
	}
}
