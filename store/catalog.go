package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Owner says what the records of a table belong to. When an owner is deleted, its
// records are deleted too, see [Catalog.Purge].
type Owner string

const (
	// OwnedByEngine is for records that belong to the store as a whole. They stay until the
	// program deletes them.
	OwnedByEngine Owner = "engine"
	// OwnedByPool is for records of a user pool. Their keys begin with the id of the pool.
	OwnedByPool Owner = "pool"
	// OwnedByUser is for records of a user. Their keys begin with the id of the pool and
	// the sub of the user.
	OwnedByUser Owner = "user"
	// OwnedByClient is for records of an app client. Their keys begin with the id of the
	// client.
	OwnedByClient Owner = "client"
	// OwnedByNobody is for records without an owner. They are deleted only when they
	// expire, see [TableOf.Expires].
	OwnedByNobody Owner = "nobody"
)

// parts returns how many parts at the beginning of a key identify the owner.
func (o Owner) parts() int {
	switch o {
	case OwnedByPool, OwnedByClient:
		return 1
	case OwnedByUser:
		return 2
	case OwnedByEngine, OwnedByNobody:
		return 0
	default:
		return 0 // Catalog.Err rejects an unknown owner
	}
}

// ErrUnsealed is returned if a table that is marked Secret would be written in clear text,
// see [Unsealed] and [Catalog.CheckSealed].
var ErrUnsealed = errors.New("store: a secret table would be written in clear text")

// A Catalog is the list of the tables that a program keeps. Make one catalog when the
// program starts. Give the same catalog to everything that must know all tables:
// store/sealed, the engine, backup, restore and check. The declaration of each [Table] says
// how they treat it.
//
// identity.Tables returns the catalog of the engine's own tables. [Catalog.With] adds
// yours.
type Catalog []AnyTable

// AnyTable is a *[Table] of any record type. It has unexported methods, so only a Table
// implements it.
type AnyTable interface {
	// Tables returns the names of the table and of its indexes.
	Tables() []string
	// Repair mends the indexes of the table, see [TableOf.Repair].
	Repair(ctx context.Context, s Store) (int, error)

	declared() error
	secret() bool
	owner() Owner
	views() []View
	sweepAll(ctx context.Context, s Store, now time.Time) (int, error)
	erase(tx Tx, id []string, limit int) (n int, more bool, err error)
	check(r Reader, owners OwnerRefs, report func(Problem)) error
}

// With returns a copy of the catalog with further tables.
func (c Catalog) With(tables ...AnyTable) Catalog { return slices.Concat(c, tables) }

// Err returns an error if the tables are declared wrongly. The error is [ErrCatalog]. Err
// finds a table without an [Owner], two tables with the same name, and fields that exclude
// each other.
func (c Catalog) Err() error {
	var errs []error
	tables, views := make(map[string]bool), make(map[string]bool)
	for _, t := range c {
		if err := t.declared(); err != nil {
			errs = append(errs, err)
		}
		for _, name := range t.Tables() {
			if tables[name] {
				errs = append(errs, fmt.Errorf("%w: two tables or indexes are named %s", ErrCatalog, name))
			}
			tables[name] = true
		}
		for _, v := range t.views() {
			if views[v.Name] {
				errs = append(errs, fmt.Errorf("%w: two views are named %s", ErrCatalog, v.Name))
			}
			views[v.Name] = true
		}
	}
	return errors.Join(errs...)
}

// ErrCatalog is returned for tables that are declared wrongly, see [Catalog.Err].
var ErrCatalog = errors.New("store: invalid catalog")

// Tables returns the names of all tables and of their indexes.
func (c Catalog) Tables() []string {
	var names []string
	for _, t := range c {
		names = append(names, t.Tables()...)
	}
	return names
}

// SecretTables returns the names of the tables that are marked Secret. store/sealed
// encrypts their values.
func (c Catalog) SecretTables() []string {
	var names []string
	for _, t := range c {
		if t.secret() {
			names = append(names, t.Tables()[0])
		}
	}
	return names
}

// Views returns the SQL views of all tables. A driver for a SQL database creates them.
func (c Catalog) Views() []View {
	var out []View
	for _, t := range c {
		out = append(out, t.views()...)
	}
	return out
}

// CheckSealed returns [ErrUnsealed] if s encrypts some tables but not every table that the
// catalog marks as Secret. That means s was opened with another catalog.
func (c Catalog) CheckSealed(s Store) error {
	sealer, ok := sealerOf(s)
	if !ok {
		return nil
	}
	for _, table := range c.SecretTables() {
		if !sealer.Seals(table) {
			return fmt.Errorf("%w: %s", ErrUnsealed, table)
		}
	}
	return nil
}

// Unsealed reports whether s keeps every value in clear text in a place that outlives the
// process: neither s nor a store that it wraps is a [Sealer] or [Volatile].
func Unsealed(s Store) bool {
	if v, ok := inside[Volatile](s); ok && v.Volatile() {
		return false
	}
	_, seals := sealerOf(s)
	return !seals
}

func sealerOf(s Store) (Sealer, bool) { return inside[Sealer](s) }

// inside returns the outermost store of the kind I: s itself, or one that it wraps.
func inside[I any](s Store) (found I, ok bool) {
	for {
		if found, ok := s.(I); ok {
			return found, true
		}
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return found, false
		}
		s = wrapper.Unwrap()
	}
}

// Sweep deletes the records of all tables that have expired at now and returns the number
// of records deleted. It commits transactions of at most 500 records.
func (c Catalog) Sweep(ctx context.Context, s Store, now time.Time) (int, error) {
	total := 0
	for _, t := range c {
		n, err := t.sweepAll(ctx, s, now)
		total += n
		if err != nil {
			return total, fmt.Errorf("sweep %s: %w", t.Tables()[0], err)
		}
	}
	return total, nil
}

// Erase deletes at most limit records of one owner, within the transaction tx. The id is
// the id of a pool, the id of a pool and the sub of a user, or the id of a client. The
// records of a pool include the records of its users.
//
// Erase returns the number of records deleted. more reports whether there may be more
// records, which [Catalog.Purge] can delete.
func (c Catalog) Erase(tx Tx, limit int, owner Owner, id ...string) (n int, more bool, err error) {
	tables, err := c.ownedBy(owner, id)
	if err != nil {
		return 0, false, err
	}
	for _, t := range tables {
		if n == limit {
			return n, true, nil
		}
		k, more, err := t.erase(tx, id, limit-n)
		if err != nil {
			return n, false, fmt.Errorf("erase in %s: %w", t.Tables()[0], err)
		}
		if n += k; more {
			return n, true, nil
		}
	}
	return n, false, nil
}

// Purge deletes all records of one owner, see [Catalog.Erase]. It commits transactions of
// at most 500 records. Purge returns the number of records deleted, also if it returns an
// error. Call it again after an error to continue.
func (c Catalog) Purge(ctx context.Context, s Store, owner Owner, id ...string) (int, error) {
	tables, err := c.ownedBy(owner, id)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, t := range tables {
		for more := true; more; {
			n := 0
			err := s.Update(ctx, func(tx Tx) (err error) {
				n, more, err = t.erase(tx, id, sweepRows)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("erase in %s: %w", t.Tables()[0], err)
			}
			total += n
		}
	}
	return total, nil
}

// ownedBy returns the tables that have records of an owner. It returns [ErrInvalid] for an
// id with too few parts, because such an id would match records of other owners.
func (c Catalog) ownedBy(owner Owner, id []string) ([]AnyTable, error) {
	if n := owner.parts(); n == 0 || len(id) != n || slices.Contains(id, "") {
		return nil, fmt.Errorf("%w: %q is not the id of an owner of the kind %q", ErrInvalid, id, owner)
	}
	var out []AnyTable
	for _, t := range c {
		if t.owner() == owner || owner == OwnedByPool && t.owner() == OwnedByUser {
			out = append(out, t)
		}
	}
	return out, nil
}

// OwnerRefs returns the places where an owner is on record: its own record, and the
// tombstone of a deleted owner whose records are not purged yet. A record is in order if at
// least one of the refs exists for its owner. If OwnerRefs returns no refs, [Catalog.Check]
// does not check the owner.
type OwnerRefs func(owner Owner, id ...string) []Ref

// Check reads all tables and reports every problem it finds: what [TableOf.Check] reports,
// and records that refer to a missing record. Check takes the references from
// [TableOf.Owner], by way of owners, and from [Table.Refs].
func (c Catalog) Check(r Reader, owners OwnerRefs, report func(Problem)) error {
	if err := c.Err(); err != nil {
		return err
	}
	for _, t := range c {
		if err := t.check(r, owners, report); err != nil {
			return fmt.Errorf("check %s: %w", t.Tables()[0], err)
		}
	}
	return nil
}

// RepairIndexes mends the indexes of all tables, see [TableOf.Repair]. It returns the number
// of entries written and deleted.
func (c Catalog) RepairIndexes(ctx context.Context, s Store) (int, error) {
	if err := c.Err(); err != nil {
		return 0, err
	}
	total := 0
	for _, t := range c {
		n, err := t.Repair(ctx, s)
		total += n
		if err != nil {
			return total, fmt.Errorf("repair %s: %w", t.Tables()[0], err)
		}
	}
	return total, nil
}
