package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"go.etcd.io/bbolt"
)

// freeMany leaves at least so many pages of a store free. From 3000 on, that is
// more than a list holds that is written with each commit.
func freeMany(t testing.TB, s *bolt.Store, pages int) {
	t.Helper()
	value := []byte(`"` + strings.Repeat("x", 3000) + `"`)
	err := s.BulkLoad(t.Context(), func(yield func(store.Ref, []byte) bool) {
		for i := range pages {
			if !yield(store.Ref{Table: "many", Key: fmt.Sprintf("%05d", i)}, value) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx store.Tx) error {
		for i := range pages {
			if err := tx.Delete("many", fmt.Sprintf("%05d", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func putOne(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "key", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
}

func wantListed(t testing.TB, path string, want bool, when string) {
	t.Helper()
	if got := bolt.Freelist(t, path) != bolt.NoFreelist; got != want {
		t.Errorf("%s: list of free pages in the file: %v, want %v", when, got, want)
	}
}

func TestLongFreelistIsWrittenAtCloseOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("fills and frees 3000 pages")
	}
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	putOne(t, s)
	wantListed(t, path, true, "short")
	freeMany(t, s, 3000)
	putOne(t, s)
	wantListed(t, path, false, "long")
	crashed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantListed(t, path, true, "closed")
	checkFile(t, path)

	if err := os.WriteFile(path, crashed, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	wantListed(t, path, false, "opened after a crash")
	for range 3 {
		putOne(t, s)
	}
	wantListed(t, path, false, "still long")
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path)
}

// Versions before this one have written the list with each commit.
func TestFileOfAnEarlierVersionIsServed(t *testing.T) {
	file, want := sampleFile(t, closed)
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // so that both root records have a list
		if err := db.Update(func(*bbolt.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	s.LeaveOutFreelist()
	putOne(t, s)
	if got, err := dump(s); err != nil || got != want {
		t.Errorf("error %v, whole: %v", err, got == want)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path)
}

func TestDamagedFreelistIsRefused(t *testing.T) {
	file, want := sampleFile(t, closed)
	path := filepath.Join(t.TempDir(), "store.db")
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, list uint64)
	}{
		{"elsewhere", func(t *testing.T, list uint64) { bolt.SetFreelist(t, path, list+1) }},
		{"outside of the file", func(t *testing.T, _ uint64) { bolt.SetFreelist(t, path, 1<<40) }},
		{"all but none", func(t *testing.T, _ uint64) { bolt.SetFreelist(t, path, bolt.NoFreelist-1) }},
		{"shorter", func(t *testing.T, list uint64) { overwrite(t, path, int64(list)*4096+10, 1) }},
		{"longer", func(t *testing.T, list uint64) { overwrite(t, path, int64(list)*4096+10, 200) }},
		{"names a page in use", func(t *testing.T, list uint64) { overwrite(t, path, int64(list)*4096+16, byte(list)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			tt.damage(t, bolt.Freelist(t, path))
			damaged, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !tryDamaged(t, damaged, want, tt.name) {
				t.Error("it was opened")
			}
		})
	}
}

func overwrite(t testing.TB, path string, at int64, with byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{with}, at); err != nil {
		t.Fatal(err)
	}
}

// bbolt would walk through such a file on a goroutine of its own, where a
// damaged page is the end of the process. So it is checked whatever its size.
func TestDamagedFileWithoutFreelistIsRefusedWhateverItsSize(t *testing.T) {
	file, want := sampleFile(t, killed)
	file = used(t, file)
	refused := 0
	for at := 2 * 4096; at < len(file); at += 4096 * everyPage(5) {
		damaged := append([]byte(nil), file...)
		copy(damaged[at:], strings.Repeat("\xff", 4096))
		if tryWith(t, &bolt.Options{CheckUpTo: -1}, damaged, want, fmt.Sprint("page at ", at)) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("none was refused")
	}
}

// Close reads the root records to see whether the list is there. When they are
// gone it ends all the same.
func TestCloseOfAnEmptiedFileEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	s.LeaveOutFreelist()
	putOne(t, s)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := bolt.Open(path, nil); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v, want %v", err, store.ErrCorrupt)
	}
}
