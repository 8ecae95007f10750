package webhook

import (
	"cmp"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
)

// A result is how a call of a target ended.
type result int

const (
	answered result = iota // in time, whatever the answer is
	timedOut               // at each try
	givenUp                // by the caller, or by an error that does not concern the target
)

var (
	errBusy    = errors.New("too many calls are in flight")
	errBroken  = errors.New("the function is left alone, because it did not answer in time again and again")
	errOneBusy = errors.New("too many calls from one source are in flight")
)

// bounds count the calls in flight, and the calls of each target that had no answer in time. A
// target or a source is in a map only while there is something to remember of it.
type bounds struct {
	inFlight, ofOne, breakAfter int
	breakFor                    time.Duration
	now                         func() time.Time

	mu      sync.Mutex
	targets map[string]*load
	sources map[string]int
}

// A load is what a target has to bear.
type load struct {
	inFlight int
	timeouts int       // in a row
	until    time.Time // when it may be tried out
	probing  bool      // by one call
}

func newBounds(o *Options) *bounds {
	return &bounds{
		inFlight: cmp.Or(o.InFlight, DefaultInFlight), ofOne: cmp.Or(o.OfOne, DefaultOfOne),
		breakAfter: cmp.Or(o.BreakAfter, DefaultBreakAfter), breakFor: cmp.Or(o.BreakFor, DefaultBreakFor), now: o.Clock,
		targets: map[string]*load{}, sources: map[string]int{},
	}
}

// enter admits a call to a target, or returns a [*hook.FailureError]. leave must be called with how it
// ended; it reports whether the target is now left alone.
func (b *bounds) enter(target, source string) (leave func(result) (broken bool), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.targets[target]
	if l == nil {
		l = &load{}
	}
	broken := b.breakAfter > 0 && l.timeouts >= b.breakAfter
	switch {
	case source != "" && b.sources[source] >= b.ofOne:
		return nil, &hook.FailureError{Name: tooMany, Err: errOneBusy}
	case l.inFlight >= b.inFlight:
		return nil, &hook.FailureError{Name: tooMany, Err: errBusy}
	case broken && (l.probing || b.now().Before(l.until)):
		return nil, &hook.FailureError{Err: errBroken}
	}
	l.inFlight++
	l.probing = broken
	b.targets[target] = l
	if source != "" {
		b.sources[source]++
	}
	return func(r result) bool { return b.leave(target, source, broken, r) }, nil
}

func (b *bounds) leave(target, source string, probe bool, r result) (broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.targets[target]
	l.inFlight--
	if probe {
		l.probing = false
	}
	switch r {
	case answered:
		l.timeouts = 0
	case timedOut:
		l.timeouts++
		if b.breakAfter > 0 && l.timeouts >= b.breakAfter {
			l.until, broken = b.now().Add(b.breakFor), true
		}
	case givenUp: // says nothing about the target
	}
	if l.inFlight == 0 && l.timeouts == 0 {
		delete(b.targets, target)
	}
	if source == "" {
		return broken
	}
	if b.sources[source]--; b.sources[source] == 0 {
		delete(b.sources, source)
	}
	return broken
}

// sourceOf is the source by which calls are counted, or "" for a call that is not: of this
// machine, or of an operator who names no user's address.
func sourceOf(c *hook.Call) string {
	address := c.Address
	if c.AccessKey != "" {
		address = netip.Addr{}
		if c.Context != nil {
			address = c.Context.Address
		}
	}
	return identity.SourceOf(address)
}
