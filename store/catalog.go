package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Owner says what the records of a table belong to, and so what they are
// deleted with, see [Catalog].
type Owner string

const (
	// OwnedByEngine is for records that belong to the store as a whole. They stay
	// until the program deletes them.
	OwnedByEngine Owner = "engine"
	// OwnedByPool is for records of a user pool. Their keys begin with the id of the pool.
	OwnedByPool Owner = "pool"
	// OwnedByUser is for records of a user. Their keys begin with the id of the
	// pool and the sub of the user.
	OwnedByUser Owner = "user"
	// OwnedByClient is for records of an app client. Their keys begin with the id of the client.
	OwnedByClient Owner = "client"
	// OwnedByNobody is for records that end only by expiring, see [Table.Expires].
	OwnedByNobody Owner = "nobody"
)

// parts is how many parts of a key name an owner.
func (o Owner) parts() int {
	switch o {
	case OwnedByPool, OwnedByClient:
		return 1
	case OwnedByUser:
		return 2
	case OwnedByEngine, OwnedByNobody:
		return 0
	default:
		return 0 // Catalog.Err refuses it
	}
}

// ErrUnsealed is returned for a table that is marked Secret and would be
// written in clear to a store that encrypts other tables.
var ErrUnsealed = errors.New("store: a secret table is not among those that the store encrypts")

// A Catalog is the list of the tables that a program keeps. A program makes one
// when it starts and gives it to all that must know every table: store/sealed,
// the engine, backups and checks. What each of them does with a table follows from
// the declaration of the [Table].
//
// A catalog of the tables of an engine comes from identity.Tables; [Catalog.With] adds others.
type Catalog []AnyTable

// AnyTable is a *[Table], whatever its records are.
type AnyTable interface {
	// Tables are the names of the table and of its indexes.
	Tables() []string
	// Repair mends the indexes of the table.
	Repair(ctx context.Context, s Store) (int, error)

	declared() error
	secret() bool
	owner() Owner
	views() []View
	sweepAll(ctx context.Context, s Store, now time.Time) (int, error)
	erase(tx Tx, id []string, limit int) (n int, more bool, err error)
	check(r Reader, owners OwnerRefs, report func(Problem)) error
}

// With returns a catalog that has further tables too.
func (c Catalog) With(tables ...AnyTable) Catalog { return slices.Concat(c, tables) }

// Err returns what is wrong with how tables are declared: a table without an
// [Owner], a name that two of them have, or fields that exclude each other.
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

// Tables are the names of all tables and of their indexes: what a store holds.
func (c Catalog) Tables() []string {
	var names []string
	for _, t := range c {
		names = append(names, t.Tables()...)
	}
	return names
}

// SecretTables are the names of the tables whose values are encrypted.
func (c Catalog) SecretTables() []string {
	var names []string
	for _, t := range c {
		if t.secret() {
			names = append(names, t.Tables()[0])
		}
	}
	return names
}

// Views are the SQL views of all tables. A driver for a SQL database makes them.
func (c Catalog) Views() []View {
	var out []View
	for _, t := range c {
		out = append(out, t.views()...)
	}
	return out
}

// CheckSealed returns [ErrUnsealed] if s encrypts some tables, and not all of
// the catalog that are marked Secret: it was opened with another catalog.
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

func sealerOf(s Store) (Sealer, bool) {
	for {
		if sealer, ok := s.(Sealer); ok {
			return sealer, true
		}
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return nil, false
		}
		s = wrapper.Unwrap()
	}
}

// Sweep deletes the records of all tables that have expired at now, in transactions
// of at most 500 records, and returns how many it deleted.
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

// Erase deletes records of one owner in a transaction, at most limit of them. The id
// is that of a pool, of a pool and a user, or of a client. The records of a pool
// include those of its users. Erase returns how many records it deleted and
// whether there may be more, which [Catalog.Purge] deletes.
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

// Purge deletes all records of one owner, see [Catalog.Erase], in transactions
// of at most 500 records. It returns how many it has deleted, also when it ends
// early with an error: called again, it goes on.
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

// ownedBy returns the tables that have records of an owner. An id that names
// too little is refused: it would name the records of others too.
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

// OwnerRefs returns where an owner is kept, and where it is kept on record that it
// was deleted and that its records wait to be purged. At least one of the refs must be
// there for a record that the owner has. None means that nothing is checked.
type OwnerRefs func(owner Owner, id ...string) []Ref

// Check reads all tables and reports what is wrong with them: what [Table.Check]
// finds, and records that belong to something that is not there. The latter
// follows from [Table.Owner], with what owners returns, and from [Table.Refs].
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

// RepairIndexes mends the indexes of all tables, see [Table.Repair], and
// returns how many entries it wrote and deleted.
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
