package identity

import (
	"context"
	"errors"
	"time"

	"github.com/cognate-id/cognate/store"
)

// changeUser runs fn on a copy of a user, and writes the copy with an event of
// a kind, in one transaction. If fn returns a refusal, only what fn itself
// wrote is kept; [errUnchanged] is one that is no error. The user is returned as written.
func (e *Engine) changeUser(ctx context.Context, by origin, kind EventKind, fn func(tx store.Tx, u *User) (refused, err error)) (*User, error) {
	ev, err := e.changed(ctx, by, kind)
	if err != nil {
		return nil, err
	}
	var refused error
	var kept *User
	err = e.store.Update(ctx, func(tx store.Tx) error {
		refused, kept = nil, nil
		u, err := orNil(users.Get(tx, store.Key(by.pool, by.sub)))
		if err != nil {
			return err
		}
		if u == nil {
			refused = ErrUserNotFound
			return nil
		}
		kept = u.clone()
		if !by.apart {
			kept.Modified = by.now
		}
		if refused, err = fn(tx, kept); err != nil || refused != nil {
			return err
		}
		if err := users.Put(tx, kept); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err = orRefused(err, refused); err != nil && !errors.Is(err, errUnchanged) {
		return nil, err
	}
	return kept, nil
}

// errUnchanged is the refusal that says that a user is already as asked: nothing is written.
var errUnchanged = errors.New("identity: nothing to change")

// origin says whom a change is of, who makes it, and when.
type origin struct {
	pool, client, sub string
	now               time.Time
	apart             bool              // changes sign-ins or groups, which does not count as a modification of the user
	data              map[string]string // of the event
}

// changed is the event of a change of a user: by the user, in a session of an
// app client, or by an operator.
func (e *Engine) changed(ctx context.Context, by origin, kind EventKind) (*Event, error) {
	ev := Event{Pool: by.pool, Client: by.client, Sub: by.sub, Kind: kind, Time: by.now, Data: by.data, Actor: Actor{Kind: ActorProgram}}
	if by.client != "" {
		ev.Actor = Actor{ActorUser, by.sub}
	}
	return e.event(ctx, ev)
}

func orRefused(err, refused error) error {
	if err != nil {
		return err
	}
	return refused
}

// change changes the signed-in user.
func (s *Session) change(ctx context.Context, kind EventKind, fn func(tx store.Tx, u *User) (refused, err error)) (*User, error) {
	by := origin{pool: s.pool.ID, client: s.client.ID, sub: s.user.Sub, now: s.engine.now()}
	return s.engine.changeUser(ctx, by, kind, fn)
}

// change changes a user by any of the user's names.
func (a *Admin) change(ctx context.Context, name string, kind EventKind, fn func(tx store.Tx, p *PoolInfo, u *User) (refused, err error)) (*User, error) {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	by := origin{pool: p.ID, sub: u.Sub, now: a.engine.now()}
	return a.engine.changeUser(ctx, by, kind, func(tx store.Tx, u *User) (error, error) { return fn(tx, p, u) })
}
