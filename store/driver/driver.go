// Package driver helps to write a driver for package store. Other programs do not need it.
//
// A driver implements [store.Store] in a few hundred lines:
//
//   - Its Update makes an [Overlay] on top of its own [store.Reader] and calls the function
//     with the overlay.
//   - Then Update applies [Overlay.Writes], all or none.
//   - Begin with [NewOverlay]. Use [NewDeferringOverlay] if a read costs a round trip.
//   - Call [Check] for writes that do not pass through an overlay, such as a bulk load.
//   - Prove the driver with storetest.Run. Copy from examples/sqlite.
//
// A driver implements [store.Follower] if it can read an index entry and the record behind
// the entry in one round trip. That interface, [store.Follow] and [store.GetFollowing] are
// in package store, because readers call them too.
package driver

import (
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/limits"
)

// Check returns an error if the value must not be written at ref: [store.ErrTooLarge] or
// [store.ErrInvalid]. An [Overlay] checks each write. A driver must call Check for writes
// that do not pass through an overlay, such as a bulk load.
func Check(ref store.Ref, value []byte) error { return limits.Check(ref.Table, ref.Key, value) }
