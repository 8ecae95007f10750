package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

type checkCommand struct {
	realStore
	RepairIndexes bool `help:"Write the index entries that are missing or wrong, and delete those that are extra."`
}

// Help returns the details that --help shows.
func (checkCommand) Help() string {
	return `The server may run. To repair the indexes of a file (bolt:), stop it first. The command reads the whole store and reports records that cannot be read, index entries that are missing, wrong or extra, and records that refer to a missing record. The exit code is 1 if there is a problem. Make a backup before you repair.

    cognate check
    cognate check --repair-indexes`
}

// maxListed is how many problems of a kind are listed one by one.
const maxListed = 10

// Run checks a store.
func (c *checkCommand) Run(t *terminal) error {
	ctx, stop := signals()
	defer stop()
	if c.RepairIndexes && c.Store.file != "" {
		if conn := dialServer(ctx, c.Store); conn != nil {
			conn.Close()
			return hint(fmt.Errorf("a server has %s open: indexes are repaired while it is stopped", c.Store.file), "stop the server first, or leave out --repair-indexes")
		}
	}
	st, err := openUsed(ctx, t, c.Store, c.keyFlags, hintWhere)
	if err != nil {
		return err
	}
	return errors.Join(plain(c.check(ctx, t, st)), st.Close())
}

func (c *checkCommand) check(ctx context.Context, t *terminal, st store.Store) error {
	if c.RepairIndexes {
		n, err := catalog().RepairIndexes(ctx, st)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "index entries mended: %d\n", n)
	}
	counts := make(map[string]int)
	total, indexes := 0, 0
	err := identity.Check(ctx, st, catalog(), func(p store.Problem) {
		kind := p.Table + ": " + p.What
		if counts[kind]++; counts[kind] <= maxListed {
			fmt.Fprintln(t.out, p)
		}
		total++
		if p.Index {
			indexes++
		}
	})
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(t.out, "%d × %s\n", counts[kind], kind)
	}
	switch {
	case total == 0:
		fmt.Fprintln(t.out, "nothing is wrong")
		return nil
	case indexes > 0:
		return hint(fmt.Errorf("problems found: %d", total), "cognate check --repair-indexes mends %d of them", indexes)
	}
	return hint(fmt.Errorf("problems found: %d", total), "restore the store from a backup, or ask for help and send the list above")
}
