package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/sealed"
)

type secretsCommand struct {
	Rotate  secretsRotate  `cmd:"" help:"Add a new key, which encrypts new values."`
	Reseal  secretsReseal  `cmd:"" help:"Encrypt all values with the new key."`
	DropOld secretsDropOld `cmd:"" help:"Remove the old keys when no value needs them."`
	Status  secretsStatus  `cmd:"" help:"Show the ids of the keys, and the number of values of each key."`
}

// Help returns the details that --help shows.
func (secretsCommand) Help() string {
	return `To change the key:

    cognate secrets rotate
    cognate secrets reseal
    cognate secrets drop-old

The servers may run meanwhile. They notice the new key in the key file within a minute. If servers have copies of the key file, add the new key as the last line of each copy. When all copies have it, make it the first line of each copy. If the keys are in an environment variable, change the variable yourself.

How long the old key must stay: until each server of the store has read the new key, which takes up to a minute, and no value needs the old one. So wait for two minutes after rotate, or after you changed the last copy of the key file, then run reseal and drop-old. drop-old refuses to run earlier if a server has the store, and if a value needs an old key.

Run the commands as the owner of the key file, or as root. Backups and copies of the store that were made before need the old key, however long ago it was dropped: copy the key file before drop-old, and keep that copy as long as those backups. cognate restore reads it by --key-file.`
}

// A sealedStore is a store whose keys are being changed.
type sealedStore struct{ realStore }

// open calls fn with the store, which must exist, and the source of its keys.
func (s *sealedStore) open(t *terminal, fn func(ctx context.Context, st store.Store, from keySource) error) error {
	ctx, stop := signals()
	defer stop()
	context.AfterFunc(ctx, stop)
	st, err := openUsed(ctx, t, s.Store, s.keyFlags, hintWhere)
	if err != nil {
		return err
	}
	err = fn(ctx, st, s.source(s.Store))
	switch {
	case errors.Is(err, context.Canceled):
		err = hint(errors.New("interrupted"), "the work so far is kept; run it again to continue")
	case errors.Is(err, sealed.ErrOldKeyInUse):
		err = hint(errors.New(strings.TrimPrefix(err.Error(), "sealed: ")), "run cognate secrets reseal first")
	case errors.Is(err, sealed.ErrWrongKey):
		err = hint(plainError{err}, "cognate secrets status shows which keys are used; restore the key file from your copy")
	}
	return errors.Join(err, st.Close())
}

// keyFile returns the path of the key file. Commands that change keys need a file.
func (from keySource) keyFile() (string, error) {
	if from.env != "" {
		return "", hint(fmt.Errorf("the keys are in the environment variable %s, which cognate cannot change", from.env),
			"change the variable where you set it: the key on the first line encrypts new values; or give a key file with --key-file")
	}
	return from.file, nil
}

type secretsRotate struct{ sealedStore }

// Run adds a key.
func (c *secretsRotate) Run(t *terminal) error {
	return c.open(t, func(_ context.Context, _ store.Store, from keySource) error {
		file, err := from.keyFile()
		if err != nil {
			return err
		}
		if err := sealed.RotateKeyFile(file); err != nil {
			return fmt.Errorf("cannot change the %w", err)
		}
		_, err = fmt.Fprintf(t.out, "Added a key to %s. Make a copy of the file.\nIf servers run, wait for %.0f minutes, until all of them have read it. Then run cognate secrets reseal.\n", file, settled.Minutes())
		return err
	})
}

type secretsReseal struct{ sealedStore }

// Run seals all values under the first key.
func (c *secretsReseal) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, st store.Store, _ keySource) error {
		last := time.Now()
		counts, err := sealed.Reseal(ctx, st, func(done int) {
			if now := time.Now(); now.Sub(last) >= time.Second {
				last = now
				fmt.Fprintf(t.err, "cognate: looked at %d values\n", done)
			}
		})
		fmt.Fprintf(t.err, "cognate: resealed %d values; %d were under the current key already\n", counts.Resealed, counts.Current)
		return err
	})
}

type secretsDropOld struct{ sealedStore }

// settled is the minimum age of a change of the key file when servers run. After
// this time each server has noticed the change and seals under the new key.
const settled = 2 * time.Minute

// Run removes keys.
func (c *secretsDropOld) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, st store.Store, from keySource) error {
		file, err := from.keyFile()
		if err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		_, lent := lentBy(st)
		shared := c.Store.url != "" || lent
		if age := time.Since(info.ModTime()); shared && age < settled {
			return hint(fmt.Errorf("%s was changed %s ago: a server may not have noticed the change yet, and may still seal under an old key", file, age.Round(time.Second)),
				"wait for %s, run cognate secrets reseal, and then run this command again", (settled - age).Round(time.Second))
		}
		n, err := sealed.DropOldKeys(ctx, st, file)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Removed old keys from %s: %d.\n", file, n)
		return err
	})
}

type secretsStatus struct{ sealedStore }

// Run shows how many values are sealed under each key.
func (c *secretsStatus) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, st store.Store, _ keySource) error {
		all, err := sealed.Usage(ctx, st)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tVALUES\tSTATE")
		for _, u := range all {
			state := "opens"
			switch {
			case u.Seals:
				state = "seals"
			case !u.Known:
				state = "missing"
			}
			fmt.Fprintf(w, "%s\t%d\t%s\n", u.Key, u.Values, state)
		}
		return w.Flush()
	})
}
