package identity

import (
	"cmp"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/internal/throttle"
)

// Limits bound what strangers can do to addresses and to accounts, beyond what each account's
// own budgets allow. In each field zero means the default, and a negative number means
// no limit. Messages that an operator causes are not counted.
type Limits struct {
	// AddressPerHour and AddressPerDay are how many codes one address gets of a pool,
	// whatever the accounts that they are for. Defaults to 10 and 20. Codes that are
	// sent after a right password count by themselves, so nobody else can use them up.
	// Each code can be guessed five times: with more than 20 a day, somebody who asks for
	// all of them first has more than 100 guesses.
	AddressPerHour, AddressPerDay int
	// PrefixPerHour is how many codes go to all phone numbers of a pool that begin with
	// the same plus sign and six digits. It bounds what somebody can earn who has
	// messages sent to numbers of an operator that shares its fees. Defaults to 100.
	PrefixPerHour int
	// SourceFailuresPerHour is how many wrong passwords and codes, those of second factors
	// included, one source may give, whatever the accounts. After that, only accounts that know the source accept
	// anything from it. A source is the address of a [Call], or its /64 for IPv6; calls
	// without an address have no limit. Each process counts by itself. Defaults to 100.
	SourceFailuresPerHour int
	// SourceMessagesPerHour is how many codes one source may ask for, sign-ups
	// included. Defaults to 100.
	SourceMessagesPerHour int
	// CustomSignInsPerHour is how many custom sign-ins of one account may begin: in all
	// from sources that the account does not know, and from each that it knows. Hooks
	// may send a message for each. Defaults to 30.
	CustomSignInsPerHour int
}

// NoMessageLimits are Limits that bound neither messages nor sources, for tests and
// fakes. The budgets of each account stay.
var NoMessageLimits = Limits{-1, -1, -1, -1, -1, -1}

// customSignIns are the field of that name.
func (l *Limits) customSignIns() int { return limitOr(l.CustomSignInsPerHour, 30) }

func limitOr(set, fallback int) int {
	if set = cmp.Or(set, fallback); set < 0 {
		return math.MaxInt
	}
	return set
}

func (l *Limits) addressPerHour() int { return limitOr(l.AddressPerHour, 10) }
func (l *Limits) addressPerDay() int  { return limitOr(l.AddressPerDay, 20) }
func (l *Limits) prefixPerHour() int  { return limitOr(l.PrefixPerHour, 100) }

// guessesOfAddress is how many wrong tries a day are made of codes that went to one address.
func (l *Limits) guessesOfAddress() int {
	if l.AddressPerDay < 0 {
		return math.MaxInt
	}
	return throttle.DayLimit
}

// maxMeters is how many sources a process counts for. Beyond that it forgets those
// that it has not counted for the longest time.
const maxMeters = 50_000

// A meter counts events of many sources in memory, in two generations of an hour, so that
// it is bounded and needs no sweeping.
type meter struct {
	mu      sync.Mutex
	begun   time.Time
	present map[string]throttle.Window
	past    map[string]throttle.Window
}

// window returns what was counted for a source.
func (m *meter) window(source string) throttle.Window {
	if w, ok := m.present[source]; ok {
		return w
	}
	return m.past[source]
}

// full reports whether a source has had as many events as it may have in an hour.
func (m *meter) full(source string, now time.Time, perHour int) bool {
	if source == "" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.window(source).Allow(now, perHour, time.Hour)
	return !ok
}

// add counts an event of a source.
func (m *meter) add(source string, now time.Time) {
	if source == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.present == nil || now.Sub(m.begun) > 2*time.Hour || len(m.present) >= maxMeters {
		m.past, m.present, m.begun = m.present, map[string]throttle.Window{}, now
	}
	m.present[source], _ = m.window(source).Allow(now, math.MaxInt, time.Hour)
}

// spendSource counts a request for a message, and returns [ErrLimitExceeded] if its source had too many.
func (e *Engine) spendSource(source string, now time.Time) error {
	if err := e.sourceAsked(source, now); err != nil {
		return err
	}
	e.messages.add(source, now)
	return nil
}

// sourceAsked returns [ErrLimitExceeded] if a source has asked for too many messages. It counts nothing.
func (e *Engine) sourceAsked(source string, now time.Time) error {
	if e.messages.full(source, now, limitOr(e.limits.SourceMessagesPerHour, 100)) {
		return ErrLimitExceeded
	}
	return nil
}

// sourceSpent reports whether a source has given too many wrong passwords and codes.
func (s *scope) sourceSpent(now time.Time) bool {
	return s.engine.failures.full(s.source, now, limitOr(s.engine.limits.SourceFailuresPerHour, 100))
}

// failed counts a refusal against the source of the call, if it was a wrong guess.
func (s *scope) failed(refused error, now time.Time) {
	for _, wrong := range []error{ErrIncorrectCredentials, ErrCodeMismatch, ErrCodeExpired, ErrMFACodeMismatch, ErrRecoveryCodeMismatch} {
		if errors.Is(refused, wrong) {
			s.engine.failures.add(s.source, now)
			return
		}
	}
}
