package identity

import (
	"context"
	"time"

	"github.com/cognate-id/cognate/store"
)

// changeUser runs fn on a copy of a user, and writes the copy with an event of
// a kind, in one transaction. If fn returns a verdict, only what fn itself
// wrote is kept. The user is returned as written.
func (e *Engine) changeUser(ctx context.Context, by origin, kind EventKind, fn func(tx store.Tx, u *User) (verdict, err error)) (*User, error) {
	ev, err := e.event(by.pool, by.client, by.sub, kind, by.now)
	if err != nil {
		return nil, err
	}
	var verdict error
	var kept *User
	err = e.store.Update(ctx, func(tx store.Tx) error {
		verdict, kept = nil, nil
		u, err := orNil(users.Get(tx, store.Key(by.pool, by.sub)))
		if err != nil {
			return err
		}
		if u == nil {
			verdict = ErrUserNotFound
			return nil
		}
		kept = u.clone()
		kept.Modified = by.now
		if verdict, err = fn(tx, kept); err != nil || verdict != nil {
			return err
		}
		if err := users.Put(tx, kept); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil || verdict != nil {
		return nil, orVerdict(err, verdict)
	}
	return kept, nil
}

// origin says whom a change is of, who makes it, and when.
type origin struct {
	pool, client, sub string
	now               time.Time
}

func orVerdict(err, verdict error) error {
	if err != nil {
		return err
	}
	return verdict
}

// change changes the signed-in user.
func (s *Session) change(ctx context.Context, kind EventKind, fn func(tx store.Tx, u *User) (verdict, err error)) (*User, error) {
	by := origin{s.pool.ID, s.client.ID, s.user.Sub, s.engine.now()}
	return s.engine.changeUser(ctx, by, kind, fn)
}

// change changes a user by any of the user's names.
func (a *Admin) change(ctx context.Context, name string, kind EventKind, fn func(tx store.Tx, p *PoolInfo, u *User) (verdict, err error)) (*User, error) {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	by := origin{pool: p.ID, sub: u.Sub, now: a.engine.now()}
	return a.engine.changeUser(ctx, by, kind, func(tx store.Tx, u *User) (error, error) { return fn(tx, p, u) })
}
