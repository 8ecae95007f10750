package identity

import (
	"context"

	"github.com/cognate-id/cognate/store"
)

// PutGroup makes a group whose id is its name.
func (e *Engine) PutGroup(ctx context.Context, pool, name string) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		return groups.Put(tx, &Group{Pool: pool, ID: name + "-id", Name: name})
	})
}

// DropUser removes a user and the password, and leaves the sign-ins behind.
func (e *Engine) DropUser(ctx context.Context, pool, sub string) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		if _, err := users.Delete(tx, store.Key(pool, sub)); err != nil {
			return err
		}
		_, err := credentials.Delete(tx, store.Key(pool, sub))
		return err
	})
}
