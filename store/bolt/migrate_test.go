package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cognate-id/cognate/store"
	"go.etcd.io/bbolt"
)

// renameTable is a step to another format: what was in a table is in another.
func renameTable(tx *bbolt.Tx) error {
	old := tx.Bucket([]byte("old"))
	b, err := openBucket(tx, "new")
	if err != nil {
		return err
	}
	err = old.ForEach(func(key, stored []byte) error {
		value, err := unseal("old", key, stored)
		if err != nil {
			return err
		}
		return b.write(string(key), value)
	})
	return errors.Join(err, b.flush(), tx.DeleteBucket([]byte("old")))
}

// oldFile is a file of format 1 with an entry.
func oldFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("old", "key", []byte(`"kept"`)) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func with(t *testing.T, steps ...func(*bbolt.Tx) error) {
	t.Helper()
	before := migrations
	migrations = steps
	t.Cleanup(func() { migrations = before })
}

func read(t *testing.T, path, table string) string {
	t.Helper()
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got string
	err = s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: table, Key: "key"})
		got = string(values[0])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOlderFormatIsMigrated(t *testing.T) {
	path := oldFile(t)
	with(t, renameTable, func(*bbolt.Tx) error { return nil })
	if got := read(t, path, "new"); got != `"kept"` {
		t.Errorf("after the migration: %q", got)
	}
	if got := read(t, path, "new"); got != `"kept"` { // once, not again
		t.Errorf("opened again: %q", got)
	}
	// The copy beside it is what it was, for the version that wrote it; that refuses what came of it.
	with(t)
	if got := read(t, path+".format1.bak", "old"); got != `"kept"` {
		t.Errorf("the copy holds %q", got)
	}
	if _, err := Open(path, nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("an older version opens it: %v", err)
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	path := oldFile(t)
	failure := errors.New("the step fails")
	with(t, func(tx *bbolt.Tx) error { return errors.Join(renameTable(tx), failure) })
	if _, err := Open(path, nil); !errors.Is(err, failure) {
		t.Fatalf("Open: %v", err)
	}
	with(t)
	if got := read(t, path, "old"); got != `"kept"` {
		t.Errorf("after the failure: %q", got)
	}
	with(t, renameTable)
	if got := read(t, path, "new"); got != `"kept"` {
		t.Errorf("tried again: %q", got)
	}
}

// Without a copy there is no migration.
func TestMigrationWithoutRoomForACopy(t *testing.T) {
	path := oldFile(t)
	if os.Getuid() == 0 {
		// Root may write anywhere, so the name is taken by what cannot be read as a file.
		if err := os.Symlink(filepath.Join(path, "nowhere"), path+".format1.bak"); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	with(t, renameTable)
	if _, err := Open(path, nil); err == nil {
		t.Error("the file was migrated without a copy")
	}
	with(t)
	if got := read(t, path, "old"); got != `"kept"` {
		t.Errorf("after the refusal: %q", got)
	}
}
