package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// What a sign-in by an identity provider leaves beside the user and the sign-in: the key of a message that may count only once, in the
// table of used states until the message has expired, and what a sign-out at the provider will need, sealed into the record of the browser.

// MaxUpstream is the greatest length of [FederatedIdentity].Upstream, in bytes.
const MaxUpstream = 4096

// The bounds of a message that counts once.
const (
	maxReplayKey  = 128 // bytes
	maxReplayLife = time.Hour
)

// onceID is the key of a message among the ids of used states, which are UUIDs.
func onceID(key string) string { return "message " + key }

// once is the row that makes the message count once, or nil for one that may come again.
func (in *FederatedIdentity) once(pool string, now time.Time) (*usedState, error) {
	switch {
	case in.ReplayKey == "" && in.ReplayLife != 0, len(in.ReplayKey) > maxReplayKey:
		return nil, invalid("ReplayKey", fmt.Sprintf("must have 1 to %d bytes", maxReplayKey))
	case in.ReplayKey == "":
		return nil, nil
	case in.ReplayLife <= 0, in.ReplayLife > maxReplayLife:
		return nil, invalid("ReplayLife", "must be more than nothing, and at most an hour")
	}
	return &usedState{Pool: pool, ID: onceID(in.ReplayKey), Expires: now.Add(in.ReplayLife)}, nil
}

// useUp makes the message count once. It runs before hooks and attributes: a message that comes again changes nothing.
func (fd *federation) useUp(ctx context.Context) error {
	if len(fd.in.Upstream) > MaxUpstream {
		return invalid("Upstream", fmt.Sprintf("must have at most %d bytes", MaxUpstream))
	}
	s := fd.scope
	once, err := fd.in.once(s.pool.ID, fd.now)
	if err != nil || once == nil {
		return err
	}
	return spentOr(s.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := s.stillThere(tx); err != nil {
			return err
		}
		return usedStates.Insert(tx, once)
	}), nil)
}

// stateUpstream binds what a sign-out at a provider needs to its browser.
const stateUpstream = "upstream"

func bindUpstream(f *family) []byte { return []byte(store.Key(stateUpstream, f.Pool, f.Sub, f.ID)) }

// sealUpstream seals what a sign-out at the provider needs. Only browsers sign out there.
func (s *scope) sealUpstream(f *family, plain []byte) string {
	if !f.Browser || len(plain) == 0 {
		return ""
	}
	return s.ring.state.Seal(plain, bindUpstream(f))
}

// Upstream returns what [FederatedIdentity].Upstream had at the sign-in of the browser, or nil if it had nothing. It returns
// [ErrSessionInvalid] if that cannot be opened any more, because the master key of that time is gone.
func (b *Browser) Upstream() ([]byte, error) {
	if b.family.Upstream == "" {
		return nil, nil
	}
	plain, err := b.scope.ring.state.Open(b.family.Upstream, bindUpstream(b.family))
	if err != nil {
		return nil, fmt.Errorf("upstream of a browser: %w", ErrSessionInvalid)
	}
	return plain, nil
}
