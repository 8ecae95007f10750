package store

import (
	"errors"
	"fmt"
	"slices"
)

// This file has the methods of Table that [Catalog] calls: they validate the declaration of
// the table, find the records of an owner, and delete or check them.

func (t *TableOf[P]) owner() Owner { return t.Owner }

func (t *TableOf[P]) secret() bool { return t.Secret }

// declared returns [ErrCatalog] if the fields of the table are invalid or contradict each
// other.
func (t *TableOf[P]) declared() error {
	wrong := func(what string) error { return fmt.Errorf("%w: table %q %s", ErrCatalog, t.Name, what) }
	switch t.Owner {
	case OwnedByEngine, OwnedByPool, OwnedByUser, OwnedByClient:
	case OwnedByNobody:
		if t.Expires == nil {
			return wrong("is OwnedByNobody and does not expire, so its records would never be deleted: set Expires")
		}
	default:
		return wrong(fmt.Sprintf("has an unknown owner %q", t.Owner))
	}
	switch {
	case t.Name == "" || t.Key == nil:
		return wrong("has no name or no key")
	case t.OwnerIndex != nil && (t.Owner.parts() == 0 || !slices.Contains(t.Indexes, t.OwnerIndex)):
		return wrong("has an OwnerIndex that is not among its Indexes, or an OwnerIndex without an owner that has records")
	case t.UserKeys != nil && (t.Owner != OwnedByUser || t.OwnerIndex != nil):
		return wrong("has UserKeys, but is not OwnedByUser or also has an OwnerIndex")
	case t.Slack != 0 && (t.Expires == nil || t.Slack < 0):
		return wrong("has a Slack that is negative, or a Slack without Expires")
	case t.Secret && len(t.Views) > 0:
		return wrong("is secret and has a view")
	}
	for _, v := range t.Views {
		if err := v.valid(); err != nil {
			return wrong(err.Error())
		}
	}
	return nil
}

// erase deletes at most limit records of an owner in a transaction.
func (t *TableOf[P]) erase(tx Tx, id []string, limit int) (n int, more bool, err error) {
	switch {
	case t.UserKeys != nil && len(id) == OwnedByUser.parts():
		return t.eraseKeys(tx, t.UserKeys(id[0], id[1]), limit)
	case t.OwnerIndex != nil:
		return t.eraseByIndex(tx, id, limit)
	default:
		r := Prefix(id...)
		r.Limit = limit
		return t.deleteIn(tx, r)
	}
}

// eraseKeys deletes the records at the given keys, at most limit.
func (t *TableOf[P]) eraseKeys(tx Tx, keys []string, limit int) (n int, more bool, err error) {
	refs := make([]Ref, len(keys))
	for i, key := range keys {
		refs[i] = t.Ref(key)
	}
	values, err := tx.Get(refs...)
	if err != nil {
		return 0, false, err
	}
	for i, value := range values {
		if value == nil {
			continue
		}
		if n == limit {
			return n, true, nil
		}
		rec, err := t.Decode(value)
		if err != nil {
			return n, false, err
		}
		if err := t.remove(tx, keys[i], rec); err != nil {
			return n, false, err
		}
		n++
	}
	return n, false, nil
}

// eraseByIndex deletes the records that the OwnerIndex lists for the owner.
func (t *TableOf[P]) eraseByIndex(tx Tx, id []string, limit int) (n int, more bool, err error) {
	table := t.indexTable(t.OwnerIndex.Name)
	r := Prefix(id...)
	r.Limit = limit
	var entries []Entry
	for e, err := range tx.Scan(table, r) {
		if err != nil {
			return 0, false, err
		}
		entries = append(entries, e)
	}
	more = len(entries) == limit
	for chunk := range slices.Chunk(entries, checkRows) {
		k, err := t.eraseEntries(tx, table, chunk)
		n += k
		if err != nil {
			return n, false, err
		}
	}
	return n, more, nil
}

// eraseEntries deletes the records that index entries lead to. It deletes an entry alone if
// its record does not exist.
func (t *TableOf[P]) eraseEntries(tx Tx, table string, entries []Entry) (n int, err error) {
	keys := make([]string, len(entries))
	refs := make([]Ref, len(entries))
	for i, e := range entries {
		if keys[i], err = t.OwnerIndex.primary(e); err != nil {
			return 0, err
		}
		refs[i] = t.Ref(keys[i])
	}
	values, err := tx.Get(refs...)
	if err != nil {
		return 0, err
	}
	for i, value := range values {
		if value == nil {
			err = tx.Delete(table, entries[i].Key)
		} else {
			var rec P
			if rec, err = t.Decode(value); err == nil {
				err = t.remove(tx, keys[i], rec)
			}
			n++
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// errNoOwner is the problem of a record whose key does not name an owner.
var errNoOwner = errors.New("its key does not name its owner")

// ownerOf returns the owner that must exist for a record. Records that expire may outlive
// their user or client, so for them the pool must exist, or no owner at all.
func (t *TableOf[P]) ownerOf(rec P) (owner Owner, id []string, err error) {
	owner = t.Owner
	switch {
	case owner == OwnedByUser && (t.Expires != nil || t.UserKeys != nil):
		owner = OwnedByPool
	case owner == OwnedByClient && t.Expires != nil:
		owner = OwnedByNobody
	}
	n := owner.parts()
	if n == 0 {
		return owner, nil, nil
	}
	key := t.Key(rec)
	if t.OwnerIndex != nil {
		keys := t.OwnerIndex.Keys(rec)
		if len(keys) == 0 {
			return owner, nil, errNoOwner
		}
		key = keys[0]
	}
	id, err = Split(key)
	if err != nil || len(id) < n {
		return owner, nil, errNoOwner
	}
	return owner, id[:n], nil
}

// required returns groups of refs. For each group at least one ref must exist, or the
// record is a problem.
func (t *TableOf[P]) required(rec P, owners OwnerRefs) ([][]Ref, error) {
	owner, id, err := t.ownerOf(rec)
	if err != nil {
		return nil, err
	}
	var groups [][]Ref
	if len(id) > 0 {
		groups = append(groups, owners(owner, id...))
	}
	if t.Refs != nil {
		groups = append(groups, t.Refs(rec)...)
	}
	return slices.DeleteFunc(groups, func(g []Ref) bool { return len(g) == 0 }), nil
}

// check is [TableOf.Check]; it also reports records that refer to a missing record.
func (t *TableOf[P]) check(r Reader, owners OwnerRefs, report func(Problem)) error {
	return t.Check(r, report, func(recs []P) error {
		groups := make([][][]Ref, len(recs))
		var refs []Ref // the refs of all records, to read them in one round trip
		for i, rec := range recs {
			var err error
			if groups[i], err = t.required(rec, owners); err != nil {
				report(Problem{Table: t.Name, Key: t.Key(rec), What: err.Error()})
			}
			refs = append(refs, slices.Concat(groups[i]...)...)
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for i, rec := range recs {
			for _, group := range groups[i] {
				if !slices.ContainsFunc(values[:len(group)], func(v []byte) bool { return v != nil }) {
					what := fmt.Sprintf("it belongs to a record of %s that does not exist", group[0].Table)
					report(Problem{Table: t.Name, Key: t.Key(rec), What: what})
				}
				values = values[len(group):]
			}
		}
		return nil
	})
}
