package identity_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// maintainer is an engine with one more job, which counts its rounds.
func maintainer(s store.Store, jobs ...identity.Job) (*identity.Engine, *bytes.Buffer) {
	var log bytes.Buffer
	return identity.New(s, &identity.Options{Jobs: jobs, Logger: slog.New(slog.NewTextHandler(&log, nil))}), &log
}

func counting(n *atomic.Int64) identity.Job {
	return identity.Job{Name: "count", Every: time.Hour, Run: func(context.Context, *identity.Engine) error { n.Add(1); return nil }}
}

// maintain runs the jobs of an engine until the function that it returns is called.
func maintain(t *testing.T, e *identity.Engine) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Maintain(ctx) }()
	synctest.Wait()
	return func() { cancel(); <-done }
}

func TestOneOfTwoEnginesDoesAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		var a, b atomic.Int64
		first, _ := maintainer(st, counting(&a))
		second, _ := maintainer(st, counting(&b))
		endFirst := maintain(t, first)
		endSecond := maintain(t, second)
		defer endSecond()
		want := func(wantA, wantB int64) {
			t.Helper()
			synctest.Wait()
			if a.Load() != wantA || b.Load() != wantB {
				t.Errorf("the job ran %d and %d times, want %d and %d", a.Load(), b.Load(), wantA, wantB)
			}
		}
		want(1, 0)
		time.Sleep(2*time.Hour + time.Minute)
		want(3, 0)
		endFirst() // which gives the lease up
		time.Sleep(time.Hour)
		want(3, 1)
	})
}

func TestAnotherEngineGoesOnWhereTheHolderDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		var a, b atomic.Int64
		dying := &dyingStore{Store: st}
		first, _ := maintainer(dying, counting(&a))
		second, _ := maintainer(st, counting(&b))
		endFirst := maintain(t, first)
		defer maintain(t, second)()
		dying.dead.Store(true)
		endFirst() // which can give up nothing
		time.Sleep(2*time.Hour + time.Minute)
		if synctest.Wait(); b.Load() != 0 {
			t.Errorf("the other engine did the job %d times under the lease of the first", b.Load())
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); a.Load() != 1 || b.Load() != 1 {
			t.Errorf("the job ran %d and %d times, want 1 and 1", a.Load(), b.Load())
		}
	})
}

// dyingStore is a store that writes nothing once it is dead.
type dyingStore struct {
	store.Store
	dead atomic.Bool
}

func (s *dyingStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.dead.Load() {
		return errInjected
	}
	return s.Store.Update(ctx, fn)
}

func TestAJobThatFailsIsLoggedAndStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		e, log := maintainer(memory.New(), identity.Job{
			Name: "broken", Every: time.Hour, Run: func(context.Context, *identity.Engine) error { return errors.New("out of paper") },
		}, counting(&n))
		end := maintain(t, e)
		time.Sleep(time.Hour)
		synctest.Wait()
		end()
		if got := strings.Count(log.String(), `msg="job failed" job=broken error="out of paper"`); got != 2 || n.Load() != 2 {
			t.Errorf("the failure was logged %d times and the other job ran %d times, want 2 and 2:\n%s", got, n.Load(), log)
		}
	})
}

func TestAJobThatCannotBeDoneIsLoggedAndLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(context.Context, *identity.Engine) error { t.Error("an invalid job ran"); return nil }
		e, log := maintainer(
			memory.New(), identity.Job{Run: run}, identity.Job{Name: "a"}, identity.Job{Name: "b", Run: run, Every: -1}, identity.Job{Name: "sweep", Run: run},
		)
		maintain(t, e)()
		if got := strings.Count(log.String(), "invalid job"); got != 4 {
			t.Errorf("%d jobs were called invalid, want 4:\n%s", got, log)
		}
	})
}

// What a job changes is the engine's doing, by the job's name.
func TestAJobIsTheActorOfItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := maintainer(memory.New(), identity.Job{Name: "housekeeping", Run: func(ctx context.Context, e *identity.Engine) error {
			_, _, err := e.AccessKeys().Create(ctx, "night", nil)
			return err
		}})
		maintain(t, e)()
		n := 0
		for ev, err := range e.Events(t.Context(), identity.EventQuery{}) {
			check(t, "Events", err)
			if n++; ev.Actor != (identity.Actor{Kind: identity.ActorEngine, ID: "housekeeping"}) {
				t.Errorf("the actor is %+v", ev.Actor)
			}
		}
		if n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}
