package identity

import (
	"context"

	"github.com/cognate-id/cognate/store"
)

// Users are found by a name, through the index that names.go describes, or by
// their sub. Both are read in one round trip. A user who is not there costs the
// same reads and the decoding of a decoy, so that the time does not show who
// exists.

// findUser finds a user by any name that the user signs in with and, if bySub is
// set, by the sub. If there is none, it returns nil after the same work.
func findUser(r store.Reader, p *PoolInfo, name string, bySub bool) (*User, error) {
	refs := []store.Ref{users.IndexRef(usersByName, nameKey(p.ID, fold(name, p.Settings.DistinguishesCase())))}
	if bySub {
		refs = append(refs, users.Ref(store.Key(p.ID, name)))
	}
	if len(name) > maxName {
		return nil, nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	key := store.Key(p.ID, decoySub)
	if values[0] != nil {
		if key, err = users.DecodeIndex(usersByName, values[0]); err != nil {
			return nil, err
		}
	}
	named, err := r.Get(users.Ref(key))
	if err != nil {
		return nil, err
	}
	if values[0] == nil && bySub {
		named[0] = values[1]
	}
	return decoyUser.decode(named[0])
}

// find reads the pool, and the user who has a name or a sub. It returns
// [ErrUserNotFound] if there is no such user.
func (a *Admin) find(ctx context.Context, name string) (*PoolInfo, *User, error) {
	var p *PoolInfo
	var u *User
	err := a.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(a.pool)))
		if err != nil {
			return err
		}
		if p, err = a.engine.decodePool(a.pool, values[0]); err != nil {
			return err
		}
		u, err = findUser(r, p, name, true)
		return err
	})
	if err == nil && u == nil {
		err = ErrUserNotFound
	}
	return p, u, err
}
