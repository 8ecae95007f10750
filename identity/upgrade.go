package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
)

// The entries of an index are made from records, so a new form of them needs no
// new records: Upgrade makes the entries again, and notes the form in the table formats.

// A format says in which form the entries of an index are.
type format struct {
	Name    string `json:"name"`    // of the index
	Version int    `json:"version"` // 1 where there is no record
}

// The form of the search index. Version 1 had values as they were given, version 2
// has them folded.
const (
	searchFormat  = "search"
	searchVersion = 2
)

// Upgrade brings a store that an earlier version wrote to its present form: it
// makes the index that users are listed by again, whose values are folded now. It
// commits batches of at most 500 rows, so it can be interrupted and called again.
// It does nothing to a store that is in its present form. [Engine.Maintain] begins
// with it, and so do the commands. Until it is done, lists of users by a filter may lack some.
//
// It returns [store.ErrNewer] for a store that a later version has upgraded.
func Upgrade(ctx context.Context, s store.Store) error {
	var f *format
	err := s.View(ctx, func(r store.Reader) (err error) {
		f, err = formats.Get(r, store.Key(searchFormat))
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return fmt.Errorf("upgrade: %w", err)
	case f.Version > searchVersion:
		return fmt.Errorf("upgrade: %w: the index %s has version %d", store.ErrNewer, f.Name, f.Version)
	case f.Version == searchVersion:
		return nil
	}
	if _, err := users.Repair(ctx, s); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	err = s.Update(ctx, func(tx store.Tx) error { return formats.Put(tx, &format{searchFormat, searchVersion}) })
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	return nil
}
