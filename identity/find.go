package identity

import (
	"context"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// Users are found by a name, through the index that names.go describes, or by
// their sub. Both are read in one round trip. A user who is not there costs the
// same reads and the decoding of a decoy, so that the time does not show who
// exists.

// findUser finds a user by any name that the user signs in with and, if bySub is
// set, by the sub. If there is none, it returns nil after the same work.
func findUser(r store.Reader, p *PoolInfo, name string, bySub bool) (*User, error) {
	if len(name) > maxName {
		return nil, nil
	}
	var refs []store.Ref
	for _, n := range typedNames(&p.Settings, name) {
		refs = append(refs, users.IndexRef(usersByName, nameKey(p.ID, n)))
	}
	forms := len(refs)
	if bySub {
		refs = append(refs, users.Ref(store.Key(p.ID, name)))
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	key := store.Key(p.ID, decoySub)
	found := slices.IndexFunc(values[:forms], func(v []byte) bool { return v != nil })
	if found >= 0 {
		if key, err = users.DecodeIndex(usersByName, values[found]); err != nil {
			return nil, err
		}
	}
	named, err := r.Get(users.Ref(key))
	if err != nil {
		return nil, err
	}
	if found < 0 && bySub {
		named[0] = values[forms]
	}
	return decoyUser.decode(named[0])
}

// recordOf returns what a user was decoded from. It has been read before. Of a user who does
// not exist it reads what prefetchFor has read.
func recordOf(r store.Reader, s *scope, u *User) ([]byte, error) {
	sub := decoySub
	if u != nil {
		sub = u.Sub
	}
	values, err := r.Get(users.Ref(store.Key(s.pool.ID, sub)))
	if err != nil {
		return nil, err
	}
	return values[0], nil
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
