// Package driver is what a driver of package store is made of, and nobody else needs.
//
// A driver implements [store.Store] in a few hundred lines. Its Update makes an
// [Overlay] above a [store.Reader] of its own, calls the function with it, and applies
// [Overlay.Writes], all or none. Begin with [NewOverlay], or with
// [NewDeferringOverlay] where a read costs a round trip. What does not pass through an
// overlay, as a bulk load, is checked by [Check]. Prove the driver with storetest.Run.
// examples/sqlite is a driver to copy from.
//
// A driver that can look in an index and at what it leads to in one round trip
// implements [store.Follower]. That interface, [store.Follow] and
// [store.GetFollowing] stay in package store, because those who read call them.
package driver

import (
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/limits"
)

// Check returns an error if a value must not be written at a key: one that is
// [store.ErrTooLarge] or [store.ErrInvalid]. [Overlay] checks each write; a
// driver calls Check for what does not pass through one, as a bulk load.
func Check(ref store.Ref, value []byte) error { return limits.Check(ref.Table, ref.Key, value) }
