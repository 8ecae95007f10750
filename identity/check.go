package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// Check reads the whole store in one snapshot and reports all that is wrong:
// records that cannot be read or have another version, index entries that are missing,
// wrong or extra, and records that belong to something that is not there. What is
// left of deleted pools until it is swept is not wrong.
func Check(ctx context.Context, s store.Store, report func(store.Problem)) error {
	return s.View(ctx, func(r store.Reader) error {
		for _, t := range catalog() {
			if err := t.check(r, report); err != nil {
				return fmt.Errorf("check %s: %w", t.Tables()[0], err)
			}
		}
		return nil
	})
}

// RepairIndexes mends the indexes of all tables, see [store.Table.Repair], and
// returns how many entries it wrote and deleted.
func RepairIndexes(ctx context.Context, s store.Store) (int, error) {
	total := 0
	for _, t := range catalog() {
		n, err := t.Repair(ctx, s)
		total += n
		if err != nil {
			return total, fmt.Errorf("repair %s: %w", t.Tables()[0], err)
		}
	}
	return total, nil
}

// A kept is a table of any type.
type kept interface {
	Tables() []string
	Repair(ctx context.Context, s store.Store) (int, error)
	check(r store.Reader, report func(store.Problem)) error
}

// An owned table has records that belong to others: at least one of each group
// of refs must be there.
type owned[R any] struct {
	*store.Table[R]
	owners func(*R) [][]store.Ref
}

func (o owned[R]) check(r store.Reader, report func(store.Problem)) error {
	return o.Check(r, report, func(recs []*R) error {
		var refs []store.Ref // of all owners of all records, for one round trip
		for _, rec := range recs {
			refs = append(refs, slices.Concat(o.owners(rec)...)...)
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for _, rec := range recs {
			for _, group := range o.owners(rec) {
				if !slices.ContainsFunc(values[:len(group)], func(v []byte) bool { return v != nil }) {
					what := fmt.Sprintf("it belongs to a record of %s that is not there", group[0].Table)
					report(store.Problem{Table: o.Name, Key: o.Key(rec), What: what})
				}
				values = values[len(group):]
			}
		}
		return nil
	})
}

// of is a table whose records belong to what owners names; free is one whose records stand alone.
func of[R any](t *store.Table[R], owners func(*R) [][]store.Ref) kept { return owned[R]{t, owners} }

func free[R any](t *store.Table[R]) kept {
	return owned[R]{t, func(*R) [][]store.Ref { return nil }}
}

// ofPool is a pool, or what says that it was deleted and its records wait to be swept.
func ofPool(id string) []store.Ref {
	return []store.Ref{pools.Ref(store.Key(id)), graves.Ref(store.Key(id))}
}

func ofUser(pool, sub string) []store.Ref {
	return []store.Ref{users.Ref(store.Key(pool, sub)), graves.Ref(store.Key(pool))}
}

// eventOwners is the pool of an event; those of the whole engine have none.
func eventOwners(e *Event) [][]store.Ref {
	if e.Pool == "" {
		return nil
	}
	return [][]store.Ref{ofPool(e.Pool)}
}

func userOwners(u *User) [][]store.Ref {
	out := [][]store.Ref{ofPool(u.Pool)}
	for _, g := range u.Groups {
		key := store.Key(u.Pool, g)
		out = append(out, []store.Ref{groups.Ref(key), deadGroups.Ref(key), graves.Ref(store.Key(u.Pool))})
	}
	return out
}
