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
