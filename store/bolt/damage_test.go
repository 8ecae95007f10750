package bolt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// Of a file that is too large to be checked when it is opened, damage shows when
// it is read: what a read returns is what was written or an error that says so.
// Where an entry cannot be found any more, or a page that is not in use any more
// is found in place of another, with an older value of the same key, Check tells.
// COGNATE_DAMAGE says how many files are damaged.
func TestDamageThatWasNotLookedForIsNeverReadAsAValue(t *testing.T) {
	file, _ := sampleFile(t, closed)
	written := everything(t, file)
	file = used(t, file)
	r := rand.New(rand.NewSource(2))
	tally := make(map[string]int)
	for range count(t, "COGNATE_DAMAGE", 600, 20) {
		damaged := bytes.Clone(file)
		at := r.Intn(len(file))
		if r.Intn(2) == 0 {
			at = at&^4095 + r.Intn(512) // headers, and where the entries are
		}
		damaged[at] ^= 1 << r.Intn(8)
		tally[readUnchecked(t, damaged, written, fmt.Sprintf("a bit flipped at %d", at))]++
	}
	t.Logf("damage that was not looked for: %v", tally)
	if tally["told"] == 0 || tally["whole"] == 0 {
		t.Error("the damage does not vary enough")
	}
}

// everything is what an undamaged file holds.
func everything(t *testing.T, file []byte) map[store.Ref]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	all := make(map[store.Ref]string)
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, table := range []string{"users", "users.names", "large"} {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				all[store.Ref{Table: table, Key: e.Key}] = string(e.Value)
			}
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	return all
}

// readUnchecked tells how damage comes out: the file is refused, a read or Check tells, or all is whole.
func readUnchecked(t *testing.T, file []byte, written map[store.Ref]string, what string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	defer time.AfterFunc(20*time.Second, func() { panic(what + ": it hangs") }).Stop()
	s, err := bolt.Open(path, &bolt.Options{CheckUpTo: -1, InsecureNoSync: true})
	if err != nil {
		wantRefusal(t, what, path, err)
		return "refused"
	}
	defer s.Close()
	found, err := readAll(s, written)
	checked := s.Check(context.Background())
	switch {
	case err != nil && !errors.Is(err, store.ErrCorrupt):
		t.Errorf("%s: %v", what, err)
	case err == nil && found < len(written) && !errors.Is(checked, store.ErrCorrupt):
		t.Errorf("%s: %d of %d entries are found, and Check says %v", what, found, len(written), checked)
	case err == nil && found == len(written):
		return "whole"
	}
	return "told"
}

// readAll reads each entry by itself, then all of them in both directions.
func readAll(s store.Store, written map[store.Ref]string) (found int, err error) {
	var damaged error // the first; the others are read all the same
	err = s.View(context.Background(), func(r store.Reader) error {
		for ref, want := range written {
			switch values, err := r.Get(ref); {
			case err != nil:
				damaged = errors.Join(damaged, err)
			case values[0] == nil, older(string(values[0]), want):
			case string(values[0]) != want:
				return fmt.Errorf("%v is %.40q, want %.40q", ref, values[0], want)
			default:
				found++
			}
		}
		for _, table := range []string{"users", "users.names", "large"} {
			for _, reverse := range []bool{false, true} {
				n, err := scanAll(r, table, reverse, written)
				if err != nil && !errors.Is(err, store.ErrCorrupt) {
					return err
				}
				damaged = errors.Join(damaged, err)
				found = min(found, found-expected(table, written)+n)
			}
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	return found, damaged
}

func scanAll(r store.Reader, table string, reverse bool, written map[store.Ref]string) (n int, err error) {
	for e, err := range r.Scan(table, store.Range{Reverse: reverse}) {
		if err != nil {
			return n, err
		}
		switch want, ok := written[store.Ref{Table: table, Key: e.Key}]; {
		case ok && want == string(e.Value):
			n++
		case !older(string(e.Value), want):
			return n, fmt.Errorf("%s %q is %.40q, want %.40q", table, e.Key, e.Value, want)
		}
	}
	return n, nil
}

// older reports whether a value of the sample file was written before another one.
func older(value, than string) bool {
	var a, b struct {
		Round int
		Text  string
	}
	if json.Unmarshal([]byte(value), &a) != nil || json.Unmarshal([]byte(than), &b) != nil {
		return false
	}
	each := (len(b.Text) - 20) / max(b.Round, 1) // see sampleFile
	return a.Round < b.Round && a.Text == strings.Repeat("x", 20+each*a.Round)
}

func expected(table string, written map[store.Ref]string) (n int) {
	for ref := range written {
		if ref.Table == table {
			n++
		}
	}
	return n
}
