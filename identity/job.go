package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Maintain runs each job in a goroutine of its own. A job runs in turns: runJob
// takes or renews the lease of the job in one transaction, and runs the job only
// if this engine holds the lease. When ctx ends, keep releases the lease, so
// that another engine can go on at once.

// A Job is work that is repeated. If several engines on one store run
// [Engine.Maintain], one of them does the job.
type Job struct {
	// Name names the job: on the store, in logs, and as the actor of the events
	// that the job leaves. It is unique among the jobs of an engine.
	Name string
	// Every is the time from one start of the job to the next. Defaults to 10
	// minutes.
	Every time.Duration
	// Run does the job. e is the engine whose Maintain runs. Run must return soon
	// after ctx ends. If Run takes longer than the lease (twice Every and five
	// minutes), another engine may start the job meanwhile: doing it twice must be
	// harmless.
	Run func(ctx context.Context, e *Engine) error

	life time.Duration   // of the lease; 0 means twice Every and five minutes
	wake <-chan struct{} // a value begins a turn
	// due reports whether there is anything to do. If it is nil, there always is.
	due func(context.Context) (bool, error)
}

// The engine's own jobs.
const (
	jobSweep  = "sweep"
	jobRotate = "rotate-keys"
	jobExpire = "expire-users"
	jobImport = "import-users"
)

const (
	jobEvery  = 10 * time.Minute // for jobs without Every
	jobMargin = 5 * time.Minute  // added to two rounds, makes the length of a lease
)

type jobKey struct{}

// Maintain runs the jobs of the engine until ctx ends, and returns after all of
// them have returned. The engine has jobs of its own. One runs import jobs, as soon as one
// is started, see [ImportJobs]. Three run every ten minutes:
//
//   - One removes expired records, what is left of deleted pools and groups, and
//     master keys that have lapsed.
//   - One deletes users who have signed up and have not confirmed in time, see
//     UnconfirmedDays of [PoolSettings].
//   - One replaces keys that are too old, see
//     Options.RotateKeysAfter.
//
// [Options.Jobs] adds more. With [Options].Outbox, Maintain also sends messages: every
// engine does. Run Maintain in a goroutine, in every program on the
// store: one engine does a job and the others stand by. If that engine stops
// without notice, another goes on within three times Every and five minutes: 35
// minutes for those three, and three minutes for import jobs. An error of a job is logged, and the job
// runs again in its next turn. It does not delay other jobs.
func (e *Engine) Maintain(ctx context.Context) {
	if err := Upgrade(ctx, e.store); err != nil && ctx.Err() == nil {
		e.log.ErrorContext(ctx, "the store is not upgraded", "error", err)
	}
	var running sync.WaitGroup
	for _, j := range e.allJobs() {
		running.Go(func() { e.keep(ctx, j) })
	}
	if e.outbox != nil {
		for _, m := range mediums {
			running.Go(func() { e.newWorker(m).work(ctx) })
		}
	}
	running.Wait()
}

// allJobs returns the engine's own jobs and those of its options. An invalid job
// is logged and left out.
func (e *Engine) allJobs() []Job {
	jobs := []Job{
		{Name: jobSweep, Run: func(ctx context.Context, e *Engine) error { _, err := e.Sweep(ctx); return err }},
		{Name: jobExpire, Run: func(ctx context.Context, e *Engine) error { return e.expireUnconfirmed(ctx) }},
		{Name: jobRotate, Run: func(ctx context.Context, e *Engine) error { return e.rotateOldKeys(ctx) }},
		{
			Name: jobImport, Every: importEvery, life: importLease, wake: e.imports, due: e.importDue,
			Run: func(ctx context.Context, e *Engine) error { return e.runImports(ctx) },
		},
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

// check returns an error if a job is invalid or has the name of another.
func (j Job) check(others []Job) error {
	switch {
	case j.Name == "":
		return invalid("Name", "A job must have a name.")
	case j.Every < 0:
		return invalid("Every", "The time between two runs of a job must not be negative.")
	case j.Run == nil:
		return invalid("Run", "A job must have a function to run.")
	case slices.ContainsFunc(others, func(o Job) bool { return o.Name == j.Name }):
		return invalid("Name", "Another job has the same name.")
	}
	return nil
}

// keep runs a job in turns until ctx ends, and then releases its lease.
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
		case <-j.wake:
		}
	}
}

// runJob runs a job once, unless another engine holds its lease.
func (e *Engine) runJob(ctx context.Context, j Job) error {
	if j.due != nil {
		if due, err := j.due(ctx); err != nil || !due {
			return err
		}
	}
	mine, err := e.lease(ctx, j.Name, cmp.Or(j.life, 2*j.Every+jobMargin))
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	if !mine {
		return nil
	}
	err = j.Run(context.WithValue(ctx, jobKey{}, j.Name), e)
	if j.due != nil { // the next work may come to another engine
		e.release(context.WithoutCancel(ctx), j.Name)
	}
	return err
}

// lease takes or renews a lease, which one engine holds at a time, and reports
// whether this engine holds it now.
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

// release deletes a lease of this engine, so that another engine need not wait
// until it ends.
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
