package identity

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/store"
)

// A change of a pool's settings makes its event, and then does all in one
// transaction: it reads the pool, lets fn change a copy, checks the copy against
// what was stored, and writes the pool and the event. So two changes at once
// cannot undo each other, and rules about two settings hold for what is stored
// together.

// Update changes the settings of the pool, and returns the pool as it is stored
// then. fn gets the stored settings and changes them in place. It must be pure,
// because it may run again. If fn returns an error, Update returns that error and
// changes nothing. Invalid settings are refused with a [*SettingError]. So is a
// change of what a pool is made with: Region, Defaults, Algorithm, Aliases,
// UsernameAttributes, CaseSensitive, and the attributes of the schema, to which
// only custom ones can be appended. The new settings apply to every call that
// begins afterwards.
func (a *Admin) Update(ctx context.Context, fn func(*PoolSettings) error) (*PoolInfo, error) {
	now := a.engine.now()
	ev, err := a.happened(ctx, EventPoolChanged, Subject{SubjectPool, a.pool}, now)
	if err != nil {
		return nil, err
	}
	var kept *PoolInfo
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		before, p, err := a.forChange(tx)
		if err != nil {
			return err
		}
		if err := fn(&p.Settings); err != nil {
			return err
		}
		if err := p.Settings.CheckChange(&before.Settings); err != nil {
			return err
		}
		p.Modified, kept = now, p
		if err := pools.Put(tx, p); err != nil {
			return err
		}
		was, err := membersOf(&before.Settings)
		if err != nil {
			return err
		}
		return ev.insertChanged(tx, was, &p.Settings)
	})
	if err != nil {
		return nil, fmt.Errorf("update user pool: %w", err)
	}
	return kept, nil
}

// forChange reads the pool twice: as it is, which is shared, and as a copy to change.
func (a *Admin) forChange(r store.Reader) (before, p *PoolInfo, err error) {
	values, err := r.Get(pools.Ref(store.Key(a.pool)))
	if err != nil {
		return nil, nil, err
	}
	if before, err = a.engine.decodePool(a.pool, values[0]); err != nil {
		return nil, nil, err
	}
	p, err = pools.Decode(values[0])
	return before, p, err
}
