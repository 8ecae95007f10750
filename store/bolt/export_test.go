package bolt

import (
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
