package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Users who sign up and never confirm expire, where the settings of the pool say so
// (PoolSettings.UnconfirmedDays). A job of Maintain notes when it first saw that a pool
// has such a setting. Until as many days have passed since, it deletes nobody: a setting
// that is turned on, or comes with an upgrade, gives everybody the full time. The index
// of users by their state has the users who are unconfirmed, and no others. Each user is
// deleted in a transaction, which looks at the state again.

// expireUnconfirmed deletes the users of all pools who have not confirmed in time.
func (e *Engine) expireUnconfirmed(ctx context.Context) error {
	for p, err := range e.UserPools(ctx, "", "") {
		if err != nil {
			return err
		}
		if err := e.expireIn(ctx, p); err != nil {
			return fmt.Errorf("expire unconfirmed users of pool %s: %w", p.ID, err)
		}
	}
	return nil
}

func (e *Engine) expireIn(ctx context.Context, p *PoolInfo) error {
	now, life := e.now(), p.Settings.UnconfirmedLife()
	if (life > 0) == p.ExpiringSince.IsZero() {
		return e.noteExpiry(ctx, p, now)
	}
	before := now.Add(-life)
	if life == 0 || p.ExpiringSince.After(before) {
		return nil
	}
	state := searchKey(p.ID, searchStatus, string(StatusUnconfirmed))
	read := func(r store.Reader, after string) ([]*User, error) {
		rng := store.Prefix(p.ID, searchStatus, string(StatusUnconfirmed))
		if after != "" {
			rng.From = state + store.Key(p.ID, after) + "\x00"
		}
		return batch(r, users, usersBySearch, rng)
	}
	for u, err := range batches(ctx, e.store, "", read, func(u *User) string { return u.Sub }) {
		if err != nil {
			return err
		}
		if u.Created.After(before) {
			continue
		}
		if err := e.expire(ctx, p, u, now); err != nil {
			return err
		}
	}
	return nil
}

// noteExpiry notes since when the users of a pool expire, or that they no longer do.
func (e *Engine) noteExpiry(ctx context.Context, p *PoolInfo, now time.Time) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		stored, err := orNil(pools.Get(tx, store.Key(p.ID)))
		if err != nil || stored == nil {
			return err
		}
		kept := *stored
		if kept.ExpiringSince = now; kept.Settings.UnconfirmedLife() == 0 {
			kept.ExpiringSince = time.Time{}
		}
		return pools.Put(tx, &kept)
	})
}

// expire deletes a user who is unconfirmed still.
func (e *Engine) expire(ctx context.Context, p *PoolInfo, u *User, now time.Time) error {
	ev, err := e.event(ctx, Event{Pool: p.ID, Sub: u.Sub, Kind: EventUserDeleted, Time: now, Actor: Actor{Kind: ActorEngine, ID: jobExpire}})
	if err != nil {
		return err
	}
	return e.store.Update(ctx, func(tx store.Tx) error { return e.removeUnconfirmed(tx, u, ev) })
}
