package identity

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Every change of one user, except deletion, runs through changeUser. It makes
// the event, and then, in one transaction, reads the user, lets the flow change
// a copy, and writes the copy and the event.

// changeUser runs fn on a copy of a user and writes the copy and an event, all
// in one transaction. It returns the user as written. If fn returns a refusal,
// the transaction keeps only what fn itself has written, and changeUser returns
// the refusal as its error. The refusal [errUnchanged] is not returned as an error.
func (e *Engine) changeUser(ctx context.Context, by origin, kind EventKind, fn func(tx store.Tx, u *User) (refused, err error)) (*User, error) {
	ev, err := e.changed(ctx, by, kind)
	if err != nil {
		return nil, err
	}
	var refused error
	var before, kept *User
	err = e.store.Update(ctx, func(tx store.Tx) error {
		refused, kept = nil, nil
		tx = txPrefetch(tx, by.reads...) // Put reads what was read
		u, err := orNil(users.Get(tx, store.Key(by.pool.ID, by.sub)))
		if err != nil {
			return err
		}
		if u == nil {
			refused = ErrUserNotFound
			return nil
		}
		before, kept = u, u.clone()
		if !by.apart {
			kept.Modified = by.now
		}
		if refused, err = fn(tx, kept); err != nil || refused != nil {
			return err
		}
		if factorsChanged(before, kept) {
			if err := signOutByFactors(tx, &by.pool.Settings, kept, by.family, by.now); err != nil {
				return err
			}
		}
		if len(by.pool.GroupRules) > 0 && !maps.Equal(before.Attributes, kept.Attributes) {
			if kept, err = e.ruled(tx, kept, ev); err != nil {
				return err
			}
		}
		if err := users.Put(tx, kept); err != nil {
			return err
		}
		if by.told == nil || !*by.told {
			if err := e.putNotices(tx, by, kind, ev.ID, before, kept); err != nil {
				return err
			}
		}
		return events.Insert(tx, ev)
	})
	if err = orRefused(err, refused); err != nil && !errors.Is(err, errUnchanged) {
		return nil, err
	}
	if err == nil && (by.told == nil || !*by.told) {
		e.notify(ctx, by, kind, before, kept)
	}
	return kept, nil
}

// errUnchanged is the refusal of a change that would change nothing. Nothing is
// written, and the caller gets no error.
var errUnchanged = errors.New("identity: nothing to change")

// origin says which user is changed, through which client, and when. An
// operator's change has no client.
type origin struct {
	reads       []store.Ref // what the change reads beside the user, in one round trip
	pool        *PoolInfo
	client, sub string
	now         time.Time
	family      string            // the id of the sign-in that makes the change; empty for an operator
	apart       bool              // the change leaves User.Modified alone: it is one of sign-ins or groups
	data        map[string]string // the event's
	told        *bool             // set by the change if the owner was told of it before; may be nil
}

// changed makes the event of a change to a user. The actor is the user if the
// change came through an app client, and otherwise the operator.
func (e *Engine) changed(ctx context.Context, by origin, kind EventKind) (*Event, error) {
	ev := Event{Pool: by.pool.ID, Client: by.client, Sub: by.sub, Kind: kind, Time: by.now, Data: by.data, Actor: Actor{Kind: ActorProgram}}
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
	return s.engine.changeUser(ctx, s.origin(), kind, fn)
}

// origin is that of a change that the signed-in user makes now.
func (s *Session) origin() origin {
	return origin{pool: s.pool, client: s.client.ID, sub: s.user.Sub, now: s.engine.now(), family: familyID(s.claims)}
}

// change changes the user who has a name or a sub.
func (a *Admin) change(ctx context.Context, name string, kind EventKind, fn func(tx store.Tx, p *PoolInfo, u *User) (refused, err error)) (*User, error) {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	by := origin{pool: p, sub: u.Sub, now: a.engine.now()}
	return a.engine.changeUser(ctx, by, kind, func(tx store.Tx, u *User) (error, error) { return fn(tx, p, u) })
}
