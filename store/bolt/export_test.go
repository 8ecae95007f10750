package bolt

import (
	"hash/fnv"
	"os"
	"strconv"
	"testing"

	"go.etcd.io/bbolt"
)

// SetFormat changes the format that a file claims to have.
func SetFormat(t testing.TB, path string, n int64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := openBucket(tx, metaBucket)
		if err != nil {
			return err
		}
		if err := b.write(formatKey, strconv.AppendInt(nil, n, 10)); err != nil {
			return err
		}
		return b.flush()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Waiting is how many Updates wait for their turn.
func (s *Store) Waiting() int {
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	return len(s.turns.queue)
}

// Commits is how many transactions have been committed to the file.
func (s *Store) Commits() (n int) {
	_ = s.db.View(func(tx *bbolt.Tx) error {
		n = tx.ID()
		return nil
	})
	return n
}

// LeaveOutFreelist has each commit from now on do without the list of free
// pages, as if that were long.
func (s *Store) LeaveOutFreelist() {
	s.maxListed = -1
	s.db.NoFreelistSync = true
}

// Crash ends the store as the end of its process would.
func (s *Store) Crash() {
	s.gate.Close()
	s.file.Close()
	s.db.Close()
}

// NoFreelist stands in a root record when the list was left out.
const NoFreelist uint64 = noFreelist

// Freelist returns the page of a file that its list of free pages is on.
func Freelist(t testing.TB, path string) uint64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, m := newestMeta(t, f)
	return m.freelist
}

// SetFreelist changes where a file claims its list of free pages to be.
func SetFreelist(t testing.TB, path string, id uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at, _ := newestMeta(t, f)
	p := make(page, pageHeader+metaSize)
	if _, err := f.ReadAt(p, at); err != nil {
		t.Fatal(err)
	}
	b := p[pageHeader:]
	native.PutUint64(b[32:], id)
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	native.PutUint64(b[metaSize-8:], sum.Sum64())
	if _, err := f.WriteAt(p, at); err != nil {
		t.Fatal(err)
	}
}

func newestMeta(t testing.TB, f *os.File) (at int64, newest meta) {
	t.Helper()
	c := &checker{file: f, pageSize: int64(os.Getpagesize())}
	for id := range int64(2) {
		m, err := c.metaAt(id)
		if err != nil {
			t.Fatal(err)
		}
		if m.txn >= newest.txn {
			at, newest = id*c.pageSize, m
		}
	}
	return at, newest
}
