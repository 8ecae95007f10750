package passhash

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// At most one hash runs on each processor. The others wait in lines, one for each source,
// and the lines take turns: who sends a thousand passwords waits for them, and who sends
// one waits for one of the thousand. Every second turn belongs to the lines of operators.
// A hash that would have to wait too long is refused when it comes.

// ErrBusy is returned for a hash that would have to wait too long.
var ErrBusy = errors.New("identity: too many passwords are being verified")

// Patience is the expected wait beyond which a hash is refused, unless
// [Hasher.SetPatience] says otherwise. A hash that others overtake gives up after twice the
// time.
const Patience = 5 * time.Second

// A Source is who asks for a hash.
type Source struct {
	// Name tells sources from each other. Hashes with an equal name wait in one line.
	Name string
	// Operator is set for calls of operators and of the program itself.
	Operator bool
}

type queue struct {
	size     int // processors
	patience time.Duration

	mu     sync.Mutex
	free   int           // processors without a hash
	each   time.Duration // what a hash takes, as a moving average
	public ring          // lines of all who are no operators
	office ring          // lines of operators
	turn   bool          // the next turn belongs to office
}

// A ring is lines that take turns. A line is in it as long as somebody waits in it.
type ring struct {
	byName  map[string]*line
	lines   []*line // the first is next
	waiting int     // in all lines
}

type line struct {
	name    string
	waiting []*waiter
}

type waiter struct{ ready chan struct{} } // closed when it has a processor

// weight is how much of the moving average the newest hash makes up.
const weight = 8

func newQueue(size int, each time.Duration) *queue {
	return &queue{
		size: size, patience: Patience, free: size, each: each,
		public: ring{byName: map[string]*line{}}, office: ring{byName: map[string]*line{}},
	}
}

// acquire waits for a processor. It returns ErrBusy or the error of ctx.
func (q *queue) acquire(ctx context.Context, s Source) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := q.enter(s)
	if w == nil || err != nil {
		return err
	}
	late := time.NewTimer(2 * q.patience)
	defer late.Stop()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = ErrBusy
	}
	if !q.leave(s, w) { // it got a processor just now
		q.release()
	}
	return err
}

// enter takes a processor, or a place in a line. A nil waiter has a processor.
func (q *queue) enter(s Source) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	if q.wait(s) > q.patience {
		return nil, ErrBusy
	}
	w := &waiter{ready: make(chan struct{})}
	q.of(s).push(s.Name, w)
	return w, nil
}

func (q *queue) of(s Source) *ring {
	if s.Operator {
		return &q.office
	}
	return &q.public
}

// wait returns how long the next hash of s is expected to wait if every processor is busy.
func (q *queue) wait(s Source) time.Duration {
	own, other := &q.public, &q.office
	if s.Operator {
		own, other = other, own
	}
	before := own.before(s.Name)
	before += min(other.waiting, before+1)
	return time.Duration(before+1) * q.each / time.Duration(q.size)
}

// release gives a processor to the one whose turn it is.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, second := &q.public, &q.office
	if q.turn {
		first, second = second, first
	}
	q.turn = !q.turn
	w := first.pop()
	if w == nil {
		w = second.pop()
	}
	if w == nil {
		q.free++
		return
	}
	close(w.ready)
}

// leave takes a waiter out of its line, and reports whether it was there.
func (q *queue) leave(s Source, w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.of(s).remove(s.Name, w)
}

// took counts the time of a hash.
func (q *queue) took(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.each += (d - q.each) / weight
}

// busy reports whether a hash of a source that has none would be refused.
func (q *queue) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.free == 0 && q.wait(Source{}) > q.patience
}

// before returns how many are served before the next of a line.
func (r *ring) before(name string) int {
	own := 0
	if l := r.byName[name]; l != nil {
		own = len(l.waiting)
	}
	n := 0
	for _, l := range r.lines {
		n += min(len(l.waiting), own+1)
	}
	return n
}

func (r *ring) push(name string, w *waiter) {
	l := r.byName[name]
	if l == nil {
		l = &line{name: name}
		r.byName[name] = l
		r.lines = append(r.lines, l)
	}
	l.waiting = append(l.waiting, w)
	r.waiting++
}

// pop takes the first of the line whose turn it is, and puts the line at the end.
func (r *ring) pop() *waiter {
	if len(r.lines) == 0 {
		return nil
	}
	l := r.lines[0]
	r.lines = r.lines[1:]
	w := l.waiting[0]
	l.waiting = l.waiting[1:]
	r.waiting--
	if len(l.waiting) > 0 {
		r.lines = append(r.lines, l)
	} else {
		delete(r.byName, l.name)
	}
	return w
}

func (r *ring) remove(name string, w *waiter) bool {
	l := r.byName[name]
	if l == nil {
		return false
	}
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	r.waiting--
	if len(l.waiting) == 0 {
		delete(r.byName, name)
		r.lines = slices.DeleteFunc(r.lines, func(other *line) bool { return other == l })
	}
	return true
}
