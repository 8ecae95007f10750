package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A Job is work that is done again and again, by one of all the engines on a
// store that run [Engine.Maintain].
type Job struct {
	// Name names the job on the store, in logs, and as the actor of the events
	// that it leaves. It is unique among the jobs of an engine.
	Name string
	// Every is how long the engine waits after it has begun before it does the
	// job again. Defaults to 10 minutes.
	Every time.Duration
	// Run does the job, by the engine that Maintain was called of. It returns
	// soon after ctx ends. A job that takes longer than its lease, twice Every
	// and five minutes, may be begun by another engine meanwhile: it must be
	// harmless to do it twice.
	Run func(ctx context.Context, e *Engine) error
}

// The engine's own jobs.
const (
	jobSweep  = "sweep"
	jobRotate = "rotate-keys"
)

const (
	jobEvery  = 10 * time.Minute // where a job does not say
	jobMargin = 5 * time.Minute  // of a lease, beyond two rounds
)

type jobKey struct{}

// Maintain does the jobs of the engine until ctx ends, each as often as it
// says, and returns once they have ended. Its own are two, done every ten minutes:
// one removes expired records and what is left of deleted pools and groups, the
// other replaces signing keys that are too old, see Options.RotateKeysAfter.
// [Options.Jobs] adds more.
//
// Of several engines on a store one does a job, and the others stand by: if it
// ends, another goes on within three times Every and five minutes, 35 minutes
// for the engine's own. A job that fails is logged, and done again in its turn;
// it does not keep the others from theirs.
func (e *Engine) Maintain(ctx context.Context) {
	var running sync.WaitGroup
	for _, j := range e.allJobs() {
		running.Go(func() { e.keep(ctx, j) })
	}
	running.Wait()
}

// allJobs are the engine's own jobs and those of its options. One that cannot
// be done is logged and left out.
func (e *Engine) allJobs() []Job {
	jobs := []Job{
		{Name: jobSweep, Run: func(ctx context.Context, e *Engine) error { _, err := e.Sweep(ctx); return err }},
		{Name: jobRotate, Run: func(ctx context.Context, e *Engine) error { return e.rotateOldKeys(ctx) }},
	}
	for _, j := range e.jobs {
		if err := j.check(jobs); err != nil {
			e.log.Error("invalid job", "job", j.Name, "error", err)
			continue
		}
		jobs = append(jobs, j)
	}
	for i := range jobs {
		if jobs[i].Every == 0 {
			jobs[i].Every = jobEvery
		}
	}
	return jobs
}

// check says why a job cannot be done beside others.
func (j Job) check(others []Job) error {
	switch {
	case j.Name == "":
		return invalid("Name", "A job has a name.")
	case j.Every < 0:
		return invalid("Every", "A job waits for a positive time.")
	case j.Run == nil:
		return invalid("Run", "A job has a function.")
	case slices.ContainsFunc(others, func(o Job) bool { return o.Name == j.Name }):
		return invalid("Name", "There is another job with the name.")
	}
	return nil
}

// keep does a job in its turns until ctx ends, and then gives its lease up.
func (e *Engine) keep(ctx context.Context, j Job) {
	tick := time.NewTicker(j.Every)
	defer tick.Stop()
	for {
		if err := e.runJob(ctx, j); err != nil && ctx.Err() == nil {
			e.log.ErrorContext(ctx, "job failed", "job", j.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			e.release(context.WithoutCancel(ctx), j.Name)
			return
		case <-tick.C:
		}
	}
}

// runJob does a job once, unless another engine does it.
func (e *Engine) runJob(ctx context.Context, j Job) error {
	mine, err := e.lease(ctx, j.Name, 2*j.Every+jobMargin)
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	if !mine {
		return nil
	}
	return j.Run(context.WithValue(ctx, jobKey{}, j.Name), e)
}

// lease takes or renews what only one engine may hold at a time, and reports
// whether this one holds it now.
func (e *Engine) lease(ctx context.Context, name string, life time.Duration) (mine bool, err error) {
	now := e.now()
	err = e.store.Update(ctx, func(tx store.Tx) error {
		mine = false
		l, err := orNil(leases.Get(tx, store.Key(name)))
		if err != nil {
			return err
		}
		if l != nil && l.Holder != e.name && now.Before(l.Until) {
			return nil
		}
		mine = true
		return leases.Put(tx, &lease{Name: name, Holder: e.name, Until: now.Add(life)})
	})
	return mine && err == nil, err
}

// release gives up a lease of this engine, so that another need not wait for its end.
func (e *Engine) release(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := e.store.Update(ctx, func(tx store.Tx) error {
		l, err := orNil(leases.Get(tx, store.Key(name)))
		if err != nil || l == nil || l.Holder != e.name {
			return err
		}
		_, err = leases.Delete(tx, store.Key(name))
		return err
	})
	if err != nil && !errors.Is(err, store.ErrClosed) {
		e.log.Warn("lease not released", "lease", name, "error", err)
	}
}
