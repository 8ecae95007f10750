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
	Rotate  secretsRotate  `cmd:"" help:"Add a new key, which seals from now on."`
	Reseal  secretsReseal  `cmd:"" help:"Seal under the new key what is sealed under older ones."`
	DropOld secretsDropOld `cmd:"" help:"Remove the older keys, once nothing is sealed under them."`
	Status  secretsStatus  `cmd:"" help:"Show the keys by id, and how much is sealed under each."`
}

// Help tells more of the command.
func (secretsCommand) Help() string {
	return `To change the key:

    cognate secrets rotate
    cognate secrets reseal
    cognate secrets drop-old

With a PostgreSQL database the servers may run meanwhile: they notice the new key in the key file by themselves, within a minute. Where servers have copies of the file, add the new key to each as the last line, and when all have it, make it the first line of each. A file (bolt:) is open in one process at a time: stop the server. Keys in an environment variable are changed where it is set.

Run it as the owner of the key file, or as root. The older keys are still needed to read older copies of the store: keep them with those.`
}

// A sealedStore is a store whose keys an operator works on.
type sealedStore struct{ realStore }

// open calls fn with the store, which must be there, and the key file.
func (s *sealedStore) open(t *terminal, fn func(ctx context.Context, st store.Store, from keySource) error) error {
	ctx, stop := signals()
	defer stop()
	context.AfterFunc(ctx, stop)
	st, err := openUsed(ctx, t, s.Store, s.keyFlags, sayWhere)
	if err != nil {
		return err
	}
	err = fn(ctx, st, s.source(s.Store))
	switch {
	case errors.Is(err, context.Canceled):
		err = hint(errors.New("interrupted"), "what is done stays; run it again to go on")
	case errors.Is(err, sealed.ErrOldKeyInUse):
		err = hint(errors.New(strings.TrimPrefix(err.Error(), "sealed: ")), "run cognate secrets reseal first")
	case errors.Is(err, sealed.ErrWrongKey):
		err = hint(plainError{err}, "cognate secrets status shows which keys are used; restore the key file from your copy")
	}
	return errors.Join(err, st.Close())
}

// keyFile is the key file, which commands that change keys need.
func (from keySource) keyFile() (string, error) {
	if from.env != "" {
		return "", hint(fmt.Errorf("the keys are in the environment variable %s, which cognate cannot change", from.env),
			"change it where it is set: the first line is the key that seals; or name a key file with --key-file")
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
		_, err = fmt.Fprintf(t.out, "Added a key to %s. Make a copy of the file, then run cognate secrets reseal.\n", file)
		return err
	})
}

type secretsReseal struct{ sealedStore }

// Run seals everything under the first key.
func (c *secretsReseal) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, st store.Store, _ keySource) error {
		told := time.Now()
		counts, err := sealed.Reseal(ctx, st, func(done int) {
			if now := time.Now(); now.Sub(told) >= time.Second {
				told = now
				fmt.Fprintf(t.err, "cognate: looked at %d values\n", done)
			}
		})
		fmt.Fprintf(t.err, "cognate: resealed %d values; %d were under the current key already\n", counts.Resealed, counts.Current)
		return err
	})
}

type secretsDropOld struct{ sealedStore }

// settled is how long ago the key file of several servers must have changed: by
// then each has noticed, and seals under the new key.
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
		if age := time.Since(info.ModTime()); c.Store.url != "" && age < settled {
			return hint(fmt.Errorf("%s was changed %s ago: a server may not have noticed yet and seal under an old key", file, age.Round(time.Second)),
				"wait for %s, run cognate secrets reseal, and then this again", (settled - age).Round(time.Second))
		}
		n, err := sealed.DropOldKeys(ctx, st, file)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Removed %d old keys from %s.\n", n, file)
		return err
	})
}

type secretsStatus struct{ sealedStore }

// Run shows how much is sealed under each key.
func (c *secretsStatus) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, st store.Store, _ keySource) error {
		all, err := sealed.Usage(ctx, st)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tVALUES\tSTATE")
		for _, u := range all {
			state := "old"
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
