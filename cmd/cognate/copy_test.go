package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

func boltStore(t *testing.T) store.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "store"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sourceOf is a store with n entries in each of two tables, and a purpose.
func sourceOf(t *testing.T, n int) store.Store {
	t.Helper()
	s := boltStore(t)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := range n {
			for _, table := range []string{"users", "events"} {
				value := fmt.Sprintf(`{"z": %d, "a": [1.50, 1e-7, {"y": null, "b": "\u0061\u2028"}]}`, i)
				if err := tx.Put(table, fmt.Sprintf("\x00\xff%03d", i), []byte(value)); err != nil {
					return err
				}
			}
		}
		return purposes.Insert(tx, &purposeRecord{forReal})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newCopy(from, to store.Store) *copyJob {
	return &copyJob{from: from, to: to, fromName: "bolt:from", toName: "to", batch: 7, progress: func(int) {}}
}

func digestIn(t *testing.T, s store.Store) (d *digest) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		d, err = digestOf(t.Context(), r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCopyInterrupted ends a copy after each of its batches, and goes on with it.
func TestCopyInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("interrupts a copy after each of its batches")
	}
	from := sourceOf(t, 20)
	for after := 1; after < 41; after += 6 {
		to := boltStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		first := newCopy(from, to)
		first.progress = func(n int) {
			if n >= after {
				cancel()
			}
		}
		if err := first.run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("run = %v, want Canceled", err)
		}
		if err := claim(t.Context(), to, "to", forReal); err == nil || !strings.Contains(err.Error(), "unfinished copy of bolt:from") {
			t.Errorf("a server opens an unfinished copy: %v", err)
		}
		other := newCopy(from, to)
		other.fromName = "bolt:other"
		if err := other.run(t.Context()); err == nil || !strings.Contains(err.Error(), "unfinished copy of bolt:from") {
			t.Errorf("copy of another store = %v", err)
		}
		again := newCopy(from, to)
		if err := again.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again.copied != 41-first.copied || again.found != first.copied {
			t.Errorf("copied %d, then %d with %d there already, of 41", first.copied, again.copied, again.found)
		}
		if *digestIn(t, to) != *digestIn(t, from) {
			t.Error("the copy differs")
		}
		if err := claim(t.Context(), to, "to", forReal); err != nil {
			t.Errorf("a server does not open the copy: %v", err)
		}
	}
}

func TestCopyRefusals(t *testing.T) {
	from, to := sourceOf(t, 3), sourceOf(t, 1)
	if err := newCopy(from, to).run(t.Context()); err == nil || !strings.Contains(err.Error(), "to is not empty") {
		t.Errorf("copy to a store with entries = %v", err)
	}
	// Who writes to the copy meanwhile is found out.
	to = boltStore(t)
	job := newCopy(from, to)
	job.progress = func(int) {
		err := to.Update(t.Context(), func(tx store.Tx) error { return tx.Put("clients", "x", []byte("1")) })
		if err != nil {
			t.Error(err)
		}
	}
	if err := job.run(t.Context()); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("copy that somebody writes to = %v", err)
	}
	if err := claim(t.Context(), to, "to", forReal); err == nil {
		t.Error("a server opens a copy that differs")
	}
}

// TestCopyThatAnotherRunFinishes does not write over what a server has written since.
func TestCopyThatAnotherRunFinishes(t *testing.T) {
	from, to := sourceOf(t, 20), boltStore(t)
	slow := newCopy(from, to)
	slow.progress = func(int) {
		slow.progress = func(int) { t.Error("it went on") }
		if err := newCopy(from, to).run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := slow.run(t.Context()); err == nil || !strings.Contains(err.Error(), "another run has finished the copy") {
		t.Errorf("run = %v", err)
	}
	if err := claim(t.Context(), to, "to", forReal); err != nil {
		t.Error(err)
	}
}

// TestCopyThroughPostgres copies from a file to a database and back.
func TestCopyThroughPostgres(t *testing.T) {
	from, back := sourceOf(t, 50), boltStore(t)
	between := postgrestest.Open(t, postgrestest.Address(t), nil)
	defer between.Close()
	for _, job := range []*copyJob{newCopy(from, between), newCopy(between, back)} {
		if err := job.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d := digestIn(t, back); *d != *digestIn(t, from) || d.count != 101 {
		t.Errorf("%d entries came back, or others", d.count)
	}
}

// TestFullDiskIsToldOnce holds that what went wrong is said once, and what to do.
func TestFullDiskIsToldOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "b")
	err := writeWhole(name, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 100)); err != nil {
			return err
		}
		return &os.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
	})
	told, ok := errors.AsType[*hinted](plain(err))
	if !ok || strings.Count(told.Error(), "no space left") != 1 || !strings.Contains(told.hint, "make room") {
		t.Errorf("told %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A backup of a part would be restored as if it were the whole: the mark is not in it.
func TestUnfinishedCopyIsNotBackedUp(t *testing.T) {
	where := storeFlag{file: filepath.Join(t.TempDir(), "part.db")}
	st, err := bolt.Open(where.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	job := newCopy(sourceOf(t, 1), st)
	if err := errors.Join(begin(t.Context(), st, "part.db", job.fromName, true), st.Close()); err != nil {
		t.Fatal(err)
	}
	c := &backupCommand{Store: where}
	if _, err := c.write(t.Context(), &terminal{}, &strings.Builder{}, nil); err == nil || !strings.Contains(err.Error(), "is an unfinished copy of bolt:from") {
		t.Errorf("got %v", err)
	}
}

// An interrupted restore cannot continue, so no hint says to finish it as a copy.
func TestUnfinishedRestoreIsNoCopy(t *testing.T) {
	st := boltStore(t)
	if err := begin(t.Context(), st, "part", backupMark+"b", false); err != nil {
		t.Fatal(err)
	}
	err := claim(t.Context(), st, "part", forReal)
	if h, ok := errors.AsType[*hinted](err); !ok || !strings.Contains(err.Error(), "unfinished restore of the backup b") || !strings.Contains(h.hint, "cognate restore") {
		t.Errorf("got %v", err)
	}
}
