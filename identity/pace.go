package identity

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Some hooks run for a user who exists and must not run for one who does not, such as
// the one that words a message. If such a hook is slow, the time of an answer would tell who exists.
// So the engine remembers how long the hooks of a pool took lately, and an answer about
// nobody waits for as long.

// paced is how many runs of a hook are remembered.
const paced = 32

// A pace has the times that the last runs of a hook took. They are real times, whatever the
// clock of the engine.
type pace struct {
	mu    sync.Mutex
	took  []time.Duration // at most paced, the next to be replaced at noted
	noted int
	asked int
}

func (p *pace) note(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.took) < paced {
		p.took = append(p.took, took)
		return
	}
	p.took[p.noted] = took
	p.noted = (p.noted + 1) % paced
}

// next returns the remembered times in turn, so that all waits together look as all runs do.
func (p *pace) next() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.took) == 0 {
		return 0
	}
	p.asked = (p.asked + 1) % len(p.took)
	return p.took[p.asked]
}

func (e *Engine) paceOf(pool string, t Trigger) *pace {
	kept, ok := e.paces.Load(pool + " " + string(t))
	if !ok {
		kept, _ = e.paces.LoadOrStore(pool+" "+string(t), &pace{})
	}
	p, _ := kept.(*pace)
	return p
}

// pretended reports whether [pretend] takes the time of the hooks of a trigger. Of others no
// time is noted, because a clock is read for it.
func pretended(t Trigger) bool { return t == CustomMessage || t == PostConfirmation }

// pretend takes the time of the hooks of a point, and runs none.
func pretend[E, D any](ctx context.Context, p points, at at[E, D]) error {
	if !present(p, at) {
		return nil
	}
	if !pretended(at.triggers[0]) {
		return fmt.Errorf("%w: the time of %s is not noted", errUnhandled, at.triggers[0])
	}
	wait := time.NewTimer(p.engine.paceOf(p.pool.ID, at.triggers[0]).next())
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
