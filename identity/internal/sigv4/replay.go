package sigv4

import (
	"cmp"
	"crypto/sha256"
	"sync"
	"time"
)

// Seen remembers the signatures that were accepted, for as long as their date is. So a
// request that somebody recorded cannot be sent again. It knows of one process: another
// server on the same store, or the same one after a restart, accepts the request once more.
// The zero value is ready. It is safe for concurrent use.
type Seen struct {
	mu     sync.Mutex
	young  map[[16]byte]time.Time // when each was first seen
	old    map[[16]byte]time.Time
	turned time.Time // when young was empty

	// Valid is how long after its date a signature is accepted. Defaults to the 5 minutes of one in the header.
	Valid time.Duration
}

// generation is how long a signature is remembered at least: a date may be maxSkew ahead.
func (s *Seen) generation() time.Duration { return maxSkew + cmp.Or(s.Valid, maxSkew) }

// moment is how long after its first arrival a request that only reads is accepted again.
// Dates have no fractions of a second, so two equal calls in one second have one signature.
// SDKs tell retries and calls apart by a header with a random value, but not all sign it.
const moment = 2 * time.Second

// Accept returns an error for a signature that was accepted before, and remembers it. One of a request that
// only reads is accepted again within two seconds. It is for those who leave out [Verifier.Seen], to remember no
// signature of somebody who may do nothing.
func (s *Seen) Accept(sig *Signature, now time.Time, readOnly bool) error {
	at, ok := s.first(sig.text, now)
	if ok || readOnly && now.Sub(at) <= moment {
		return nil
	}
	return invalid("This request was received before. Sign each request anew.")
}

// first remembers a signature. It reports when it was seen first, or ok if it is new.
func (s *Seen) first(signature string, now time.Time) (at time.Time, ok bool) {
	sum := sha256.Sum256([]byte(signature))
	key := [16]byte(sum[:16])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.young == nil || now.Sub(s.turned) >= s.generation() || now.Before(s.turned.Add(-s.generation())) {
		s.old, s.young, s.turned = s.young, map[[16]byte]time.Time{}, now
	}
	for _, m := range []map[[16]byte]time.Time{s.young, s.old} {
		if at, seen := m[key]; seen {
			return at, false
		}
	}
	s.young[key] = now
	return now, true
}
