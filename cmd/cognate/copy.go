package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cognate-id/cognate/store"
)

// A copy marks the target as unfinished, copies each table in batches in order of keys,
// compares the digests of both stores, and then removes the mark. Each batch commits on its
// own. Because batches arrive in order, an interrupted copy continues after the last key in
// the target.

type copyCommand struct {
	From     storeFlag `arg:"" help:"Store to copy: bolt:FILE, or postgres://USER:PASSWORD@HOST/DATABASE."`
	To       storeFlag `arg:"" help:"Store to fill; it must be empty, or an unfinished copy of the same store."`
	Progress bool      `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (copyCommand) Help() string {
	return `The command copies a snapshot of a store to another store, of the same kind or not, and then compares the two. Secrets stay encrypted, so the copy needs the same key file.

    cognate copy bolt:cognate.db postgres://cognate@db.example.com/cognate?sslmode=verify-full
    cognate copy postgres://cognate@db.example.com/cognate?sslmode=verify-full bolt:cognate.db

Stop the servers first, because the copy does not have what they write meanwhile. If a copy is interrupted, run it again to continue. Servers do not open an unfinished copy.`
}

// Run copies a store.
func (c *copyCommand) Run(t *terminal) error {
	if c.From == c.To {
		return hint(errors.New("a store cannot be copied to itself"), "give two different stores")
	}
	if c.To.inMemory() {
		return hint(errors.New("memory cannot be the target of a copy"), "give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	ctx, stop := signals()
	defer stop()
	context.AfterFunc(ctx, stop)
	from, err := openWhole(ctx, c.From)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := openStore(ctx, c.To)
	if err != nil {
		return err
	}
	p := newProgress(t, "copied", c.Progress)
	p.count = entries
	job := &copyJob{from: from, to: to, fromName: c.From.String(), toName: c.To.name(), batch: copyBatch, progress: func(n int) { p.at(n, 0) }}
	err = plain(errors.Join(job.run(ctx), to.Close()))
	if err == nil {
		p.end(job.copied, 0, fmt.Sprintf(" (%d there already)", job.found))
		return nil
	}
	if _, ok := errors.AsType[*hinted](err); ok && !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return hint(fmt.Errorf("not finished after %s: %w", entries(job.copied), err), "run it again: it continues where it was interrupted")
}

const (
	copyBatch      = 2000
	copyBatchBytes = 1 << 20 // far below store.MaxTx, even with one more value
)

// A copyJob copies a store. It writes batches in order of table and key, so the target
// always has all entries up to some key.
type copyJob struct {
	from, to         store.Store
	fromName, toName string
	batch            int // number of entries in a transaction
	progress         func(n int)

	copied int
	found  int // number of entries that an earlier run has copied
}

func (j *copyJob) run(ctx context.Context) error {
	if err := begin(ctx, j.to, j.toName, j.fromName, true); err != nil {
		return err
	}
	var want, have *digest
	err := j.from.View(ctx, func(r store.Reader) (err error) {
		for _, table := range slices.Sorted(slices.Values(catalog().Tables())) {
			if err := j.table(ctx, r, table); err != nil {
				return err
			}
		}
		want, err = digestOf(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	err = j.to.View(ctx, func(r store.Reader) (err error) {
		have, err = digestOf(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	j.found = want.count - j.copied
	if *want != *have {
		err := fmt.Errorf("%s differs from %s: %s, want %s", j.toName, j.fromName, entries(have.count), entries(want.count))
		return hint(err, "something wrote to a store during the copy: stop the servers and begin again with an empty store")
	}
	return finish(ctx, j.to)
}

// An entry of a table.
type entry struct {
	table string
	store.Entry
}

// table copies the entries of a table that come after the last key in the target.
func (j *copyJob) table(ctx context.Context, r store.Reader, table string) error {
	after, err := lastKey(ctx, j.to, table)
	if err != nil {
		return err
	}
	var batch []entry
	size := 0
	for e, err := range r.Scan(table, store.Range{From: after}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		batch = append(batch, entry{table, e})
		size += len(e.Key) + len(e.Value)
		if len(batch) < j.batch && size < copyBatchBytes {
			continue
		}
		if err := j.write(ctx, batch); err != nil {
			return err
		}
		batch, size = batch[:0], 0
	}
	return j.write(ctx, batch)
}

// lastKey returns the first key that can follow the entries of a table.
func lastKey(ctx context.Context, st store.Store, table string) (after string, err error) {
	err = st.View(ctx, func(r store.Reader) error {
		for e, err := range r.Scan(table, store.Range{Reverse: true, Limit: 1}) {
			if err != nil {
				return err
			}
			after = e.Key + "\x00"
		}
		return nil
	})
	return after, err
}

func (j *copyJob) write(ctx context.Context, batch []entry) error {
	if len(batch) == 0 {
		return nil
	}
	err := j.to.Update(ctx, func(tx store.Tx) error {
		// Another run of the same copy may have finished it, and a server may use the target now.
		if _, err := copying.Get(tx, copying.Key(nil)); errors.Is(err, store.ErrNotFound) {
			return hint(fmt.Errorf("another run has finished the copy to %s meanwhile", j.toName), "nothing is left to do; this run has changed nothing since then")
		} else if err != nil {
			return err
		}
		for _, w := range batch {
			if err := tx.Put(w.table, w.Key, w.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.copied += len(batch)
	j.progress(j.copied)
	return nil
}

// A digest is a checksum of the entries of a store. Two stores are equal if their digests
// are equal.
type digest struct {
	count int
	sum   [sha256.Size]byte
}

func digestOf(ctx context.Context, r store.Reader) (*digest, error) {
	d, sum := &digest{}, sha256.New()
	for _, table := range slices.Sorted(slices.Values(catalog().Tables())) {
		for e, err := range r.Scan(table, store.Range{}) {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = writeCanonical(sum, table, e)
			}
			if err != nil {
				return nil, err
			}
			d.count++
		}
	}
	sum.Sum(d.sum[:0])
	return d, nil
}

// writeCanonical writes an entry in one canonical form, because drivers return different
// forms of the same value.
func writeCanonical(w io.Writer, table string, e store.Entry) error {
	d := json.NewDecoder(bytes.NewReader(e.Value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("%w: %s: %w", store.ErrCorrupt, table, err)
	}
	return json.NewEncoder(w).Encode([]any{table, []byte(e.Key), canonical(v)}) // Encode sorts the names of members
}

// canonical writes numbers without an exponent, as PostgreSQL does.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = canonical(v[name])
		}
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), "eE") {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	return v
}
