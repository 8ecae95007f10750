package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/store"
)

// A copyingRecord marks a store that is being filled from another, or from a
// backup. It is there until all has arrived, and nothing serves a store with it.
type copyingRecord struct {
	From string `json:"from"`
}

var copying = &store.Table[copyingRecord]{
	Name: "copying", Key: func(*copyingRecord) string { return store.Key("copying") },
}

// backupMark is what a mark begins with that a restore has made: it does not go on.
const backupMark = "the backup "

// wantWhole refuses a store that is only a part of what it is to be.
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

// sayServed is what to try where a store is none of a real server.
const sayServed = "say where the store is that cognate serve uses"

// openWhole opens the store of a real server, which must be there, as it is: what is secret stays sealed.
func openWhole(ctx context.Context, where storeFlag) (store.Store, error) {
	if where.inMemory() {
		return nil, hint(errors.New("memory is no store that could be read"), "give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	st, err := openThere(ctx, where, sayServed)
	if errors.Is(err, store.ErrLocked) {
		return nil, hint(err, "stop the server first, or copy a store that cognate restore has made of its backup")
	}
	if err != nil {
		return nil, err
	}
	if err := wantReal(ctx, st, where.name()); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// wantReal refuses a store that has another purpose than a real server.
func wantReal(ctx context.Context, st store.Store, name string) error {
	return st.View(ctx, func(r store.Reader) error {
		p, err := purposes.Get(r, purposes.Key(nil))
		if err == nil && p.Purpose != forReal {
			return hint(fmt.Errorf("%s was made by cognate %s", name, p.Purpose), sayServed)
		}
		return err
	})
}

// begin marks an empty store as a copy that is unfinished. With again, one with the same mark will do.
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
