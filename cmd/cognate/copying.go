package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/store"
)

// A copyingRecord marks a store that is being filled by a copy or a restore. It is removed
// when all entries have arrived. No command serves a store that has it.
type copyingRecord struct {
	From string `json:"from"`
}

var copying = &store.Table[copyingRecord]{
	Name: "copying", Key: func(*copyingRecord) string { return store.Key("copying") },
}

// backupMark begins the mark of a restore. An interrupted restore cannot continue.
const backupMark = "the backup "

// wantWhole returns an error if a store is an unfinished copy or restore.
func wantWhole(r store.Reader, name string) error {
	c, err := copying.Get(r, copying.Key(nil))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if strings.HasPrefix(c.From, backupMark) {
		return hint(fmt.Errorf("%s is an unfinished restore of %s", name, oneLine(c.From)), "begin again with cognate restore and an empty store, such as another schema of the database")
	}
	return hint(fmt.Errorf("%s is an unfinished copy of %s", name, oneLine(c.From)),
		"finish it by running cognate copy again, or begin with an empty store")
}

// hintServed is the hint if a store does not belong to a real server.
const hintServed = "give the store that cognate serve uses"

// openWhole opens the existing store of a real server without its keys, so secrets stay
// sealed.
func openWhole(ctx context.Context, where storeFlag) (store.Store, error) {
	if where.inMemory() {
		return nil, hint(errors.New("memory cannot be read by another process"), "give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	st, err := openThere(ctx, where, hintServed, openStore)
	if errors.Is(err, store.ErrLocked) {
		return nil, hint(err, "stop the server first, or make a backup, restore it to a new store and copy that store")
	}
	if err != nil {
		return nil, err
	}
	if err := wantReal(ctx, st, where.name()); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// wantReal returns an error if a store does not belong to a real server.
func wantReal(ctx context.Context, st store.Store, name string) error {
	made, err := purposeOf(ctx, st)
	if err == nil && made != forReal {
		return hint(fmt.Errorf("%s was made by cognate %s", name, made), hintServed)
	}
	return err
}

// purposeOf returns the purpose of a store that was used before.
func purposeOf(ctx context.Context, st store.Store) (made purpose, err error) {
	err = st.View(ctx, func(r store.Reader) error {
		p, err := purposes.Get(r, purposes.Key(nil))
		if err == nil {
			made = p.Purpose
		}
		return err
	})
	return made, err
}

// begin marks an empty store as an unfinished copy. If again is true, begin also accepts a
// store that has the same mark.
func begin(ctx context.Context, st store.Store, name, from string, again bool) error {
	return st.Update(ctx, func(tx store.Tx) error {
		if c, err := copying.Get(tx, copying.Key(nil)); err == nil && again && c.From == from {
			return nil
		}
		if err := wantWhole(tx, name); err != nil {
			return err
		}
		for _, table := range slices.Sorted(slices.Values(catalog().Tables())) {
			for _, err := range tx.Scan(table, store.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				return hint(fmt.Errorf("%s is not empty", name), "choose an empty store, such as another schema of the database")
			}
		}
		return copying.Insert(tx, &copyingRecord{from})
	})
}

func finish(ctx context.Context, st store.Store) error {
	return st.Update(ctx, func(tx store.Tx) error {
		_, err := copying.Delete(tx, copying.Key(nil))
		return err
	})
}
