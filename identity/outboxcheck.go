package identity

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Before each try the worker looks whether the message is still worth sending: its code may
// have been used, or its user deleted.

// errWorthless is the outcome of a message that need not be sent any more.
var errWorthless = errors.New("identity: it is not needed any more")

// errTooOld is the outcome of a message that could not be sent in its time.
var errTooOld = errors.New("identity: its time is over")

// stillWorth returns what sends a message, and the user that it is for. It returns errWorthless, a
// finalError, or an error that may pass.
func (e *Engine) stillWorth(ctx context.Context, q *queued) (p points, u *User, err error) {
	now := e.now()
	err = e.store.View(ctx, func(r store.Reader) (err error) {
		p, u, err = e.readWorth(r, q, now)
		return err
	})
	switch {
	case err != nil:
		return p, u, err
	case !now.Before(q.ends()):
		return p, u, finalError{errTooOld}
	}
	refused, err := p.suppressed(ctx, q.message())
	if err != nil {
		return p, u, err
	}
	if refused != nil {
		return p, u, finalError{refused}
	}
	if err := p.forbids(q.message()); err != nil {
		return p, u, finalError{err}
	}
	return p, u, nil
}

func (e *Engine) readWorth(r store.Reader, q *queued, now time.Time) (p points, u *User, err error) {
	key := store.Key(q.Pool, q.Sub)
	values, err := r.Get(pools.Ref(store.Key(q.Pool)), users.Ref(key), keyrings.Ref(keyringKey(q.Pool)), credentials.Ref(key),
		usedStates.Ref(store.Key(q.Pool, q.Challenge)))
	if err != nil {
		return p, nil, err
	}
	if values[0] == nil || values[1] == nil || values[4] != nil {
		return p, nil, errWorthless
	}
	p = points{engine: e, client: q.Client}
	if p.pool, err = e.decodePool(q.Pool, values[0]); err != nil {
		return p, nil, err
	}
	if u, err = users.Decode(values[1]); err != nil {
		return p, nil, err
	}
	worthy := true
	switch {
	case q.Purpose != "":
		worthy, err = e.worthyCode(r, p.pool, values[2], u, q, now)
	case q.Password != nil:
		worthy, err = worthyPassword(values[3], u, q)
	case q.Setup:
		worthy = u.Attributes["email"] == ""
	case q.Challenge != "":
		worthy = u.Attributes["email"] == q.To || u.Attributes["phone_number"] == q.To
	}
	if err == nil && !worthy {
		err = errWorthless
	}
	return p, u, err
}

// worthyCode reports whether a code would be accepted. One that has only expired is found out by its time.
func (e *Engine) worthyCode(r store.Reader, pool *PoolInfo, keys []byte, u *User, q *queued, now time.Time) (bool, error) {
	kind, err := triesOf(q.Purpose)
	if err != nil {
		return false, err
	}
	ring, err := e.ringOf(pool, keys)
	if err != nil || ring == nil {
		return false, err
	}
	c, err := orNil(codes.Get(r, codeKey(q.Pool, q.Sub, q.Purpose)))
	if err != nil {
		return false, err
	}
	tries, err := getThrottle(r, q.Pool, kind, q.Sub)
	if err != nil {
		return false, err
	}
	if !now.Before(q.Until) {
		now = q.Until.Add(-1)
	}
	alive := c.alive(ring, tries, now)
	i := slices.IndexFunc(alive, func(s sentTo) bool { return bytes.Equal(s.MAC, q.MAC) })
	if i < 0 {
		return false, nil
	}
	switch {
	case q.Purpose == confirmCode:
		return u.Status == StatusUnconfirmed, nil
	case q.Purpose == resetCode:
		found := *c
		found.sentTo = alive[i]
		return resetRefusal(u, &found) == nil, nil
	}
	return alive[i].Value == u.unverified(alive[i].Attribute), nil
}

// worthyPassword reports whether a temporary password is still the user's.
func worthyPassword(value []byte, u *User, q *queued) (bool, error) {
	c, err := orNil(credentials.Decode(value))
	if err != nil || c == nil {
		return false, err
	}
	return u.Status == StatusForceChangePassword && bytes.Equal(c.fingerprint(), q.Password), nil
}

// suppressed returns why nothing is sent to the address of a message, if that is so.
func (p points) suppressed(ctx context.Context, m *Message) (refused, err error) {
	ring, err := p.engine.anyRing(ctx, p.pool)
	if err != nil {
		return nil, err
	}
	err = p.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(suppressions.Ref(store.Key(p.pool.ID, ring.addressDigest(attributeOf(m.Medium), m.To))))
		if err == nil && values[0] != nil {
			refused = &MessageError{Err: ErrDelivery, Medium: m.Medium, Cause: ErrSuppressed}
		}
		return err
	})
	return refused, err
}

// anyRing returns keys of a pool, which may be older than those stored: the key of digests never changes.
func (e *Engine) anyRing(ctx context.Context, p *PoolInfo) (*ring, error) {
	if r, ok := e.lastRings.Load(p.ID); ok {
		return r.(*ring), nil //nolint:forcetypeassert // nothing else is stored
	}
	return e.storedRing(ctx, p)
}

// attributeOf returns the attribute with the addresses of a medium.
func attributeOf(m Medium) string {
	if m == MediumSMS {
		return "phone_number"
	}
	return "email"
}
