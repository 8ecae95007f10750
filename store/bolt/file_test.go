package bolt_test

import (
	"context"
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
	"go.etcd.io/bbolt"
)

// checkFile has bbolt and the store itself check a file.
func checkFile(t testing.TB, path string) {
	t.Helper()
	s := open(t, path)
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// An ending is how the process ended that wrote a file.
type ending string

const (
	closed ending = "closed"
	killed ending = "killed" // when the list of free pages was left out
)

var endings = []ending{closed, killed}

// sampleFile fills a file with tables of several pages and returns its bytes and
// what it holds. Some was written over and deleted, so that there are free pages too.
func sampleFile(t testing.TB, how ending) (file []byte, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	if how == killed {
		s.LeaveOutFreelist()
	}
	for round := range 3 {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			for i := range 60 {
				value := fmt.Appendf(nil, `{"v":1,"round":%d,"text":%q}`, round, strings.Repeat("x", 20+i*round))
				if err := tx.Put("users", store.Key("pool", fmt.Sprint(i)), value); err != nil {
					return err
				}
				if err := tx.Put("users.names", store.Key("pool", fmt.Sprint("name", i+round)), []byte(`"key"`)); err != nil {
					return err
				}
			}
			return tx.Put("large", "key", []byte(`"`+strings.Repeat("y", 6000)+`"`))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := dump(s)
	if err != nil {
		t.Fatal(err)
	}
	if how == closed {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	file, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return file, content
}

// onSampleFiles runs a test on a file of each ending.
func onSampleFiles(t *testing.T, test func(t *testing.T, file []byte, content string)) {
	t.Helper()
	for _, how := range endings {
		t.Run(string(how), func(t *testing.T) {
			file, content := sampleFile(t, how)
			test(t, file, content)
		})
	}
}

// dump reads all that sampleFile has written, forward, backward, and one by one.
func dump(s store.Store) (string, error) {
	var out strings.Builder
	err := s.View(context.Background(), func(r store.Reader) error {
		for _, table := range []string{"users", "users.names", "large"} {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				values, err := r.Get(store.Ref{Table: table, Key: e.Key})
				if err != nil {
					return err
				}
				fmt.Fprintf(&out, "%q %s %s\n", e.Key, e.Value, values[0])
			}
			for e, err := range r.Scan(table, store.Range{Reverse: true}) {
				if err != nil {
					return err
				}
				fmt.Fprintf(&out, "%q\n", e.Key)
			}
		}
		return nil
	})
	return out.String(), err
}

// tryDamaged opens damaged bytes. They must be refused, or served whole.
func tryDamaged(t testing.TB, file []byte, want, what string) (refused bool) {
	t.Helper()
	return tryWith(t, &bolt.Options{LockTimeout: time.Millisecond}, file, want, what)
}

func tryWith(t testing.TB, o *bolt.Options, file []byte, want, what string) (refused bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	s, err := bolt.Open(path, o)
	if err != nil {
		wantRefusal(t, what, path, err)
		return true
	}
	defer s.Close()
	got, err := dump(s)
	if err != nil || got != want {
		t.Errorf("%s: opened, but then: error %v, whole: %v", what, err, got == want)
	}
	return false
}

func wantRefusal(t testing.TB, what, path string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNewer) {
		t.Errorf("%s: got error %v, want %v", what, err, store.ErrCorrupt)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("%s: the error does not name the file: %v", what, err)
	}
}

func TestTruncatedFileIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a file cut off at each of its pages")
	}
	notUnderRace(t)
	onSampleFiles(t, func(t *testing.T, file []byte, want string) {
		const page = 4096
		last := 0 // the largest that is refused; what comes after is reserve
		r := rand.New(rand.NewSource(1))
		tries := count(t, "COGNATE_DAMAGE", 30, 30)
		for range tries {
			size := r.Intn(len(used(t, file)) + 4096)
			tryDamaged(t, file[:size], want, fmt.Sprintf("cut to %d bytes of %d", size, len(file)))
		}
		for size := 0; size < len(file); size += 1 + size/97 {
			if tryDamaged(t, file[:size], want, fmt.Sprintf("cut to %d bytes of %d", size, len(file))) {
				last = size
			}
		}
		for size := 0; size < last; size += page {
			if !tryDamaged(t, file[:size], want, fmt.Sprintf("cut to %d bytes of %d", size, len(file))) {
				t.Errorf("cut to %d bytes of %d: it was opened", size, len(file))
			}
		}
		t.Logf("%d cut off", tries)
		if last < 10*page {
			t.Errorf("only files up to %d bytes were refused", last)
		}
	})
}

// used cuts off what a file has in reserve at its end.
func used(t testing.TB, file []byte) []byte {
	t.Helper()
	n := len(file)
	for n > 0 && file[n-1] == 0 {
		n--
	}
	return file[:min(len(file), (n+4095)&^4095)]
}

// COGNATE_DAMAGE says how many files are damaged.
func TestFlippedBitIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	onSampleFiles(t, func(t *testing.T, file []byte, want string) {
		file = used(t, file)
		r := rand.New(rand.NewSource(1))
		refused := 0
		tries := count(t, "COGNATE_DAMAGE", 600, 16)
		for n := range tries {
			at := r.Intn(len(file))
			if n%2 == 0 {
				at = at&^4095 + r.Intn(64) // in the header of a page, where it hurts most
			}
			damaged := append([]byte(nil), file...)
			damaged[at] ^= 1 << r.Intn(8)
			if tryDamaged(t, damaged, want, fmt.Sprintf("a bit flipped at %d", at)) {
				refused++
			}
		}
		t.Logf("%d of %d with a bit flipped are refused, the others whole", refused, tries)
		if refused < tries/4 {
			t.Errorf("only %d of %d refused", refused, tries)
		}
	})
}

func TestOverwrittenPageIsRefusedOrHarmless(t *testing.T) {
	notUnderRace(t)
	onSampleFiles(t, func(t *testing.T, file []byte, want string) {
		file = used(t, file)
		const page = 4096
		for at := 0; at < len(file); at += page * everyPage(5) {
			for _, fill := range []byte{0, 0xff} {
				damaged := append([]byte(nil), file...)
				for i := at; i < min(at+page, len(file)); i++ {
					damaged[i] = fill
				}
				tryDamaged(t, damaged, want, fmt.Sprintf("page at %d filled with %#x", at, fill))
			}
		}
	})
}

// everyPage returns 1 for a test that damages every page, and n for one that damages
// every nth of them in the short tier.
func everyPage(n int) int {
	if testing.Short() {
		return n
	}
	return 1
}

func TestDamagedRootIsRefusedUnlessLossIsAccepted(t *testing.T) {
	onSampleFiles(t, func(t *testing.T, file []byte, _ string) {
		path := filepath.Join(t.TempDir(), "store.db")
		for _, root := range []int{0, 1} {
			damaged := append([]byte(nil), file...)
			damaged[root*4096+40] ^= 1
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := bolt.Open(path, nil); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("root record %d damaged: got %v, want %v", root, err, store.ErrCorrupt)
			}
			s, err := bolt.Open(path, &bolt.Options{AcceptLoss: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "key", []byte("1")) }); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestForeignFileIsRefused(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":            "",
		"text":             "hello\n",
		"long text":        strings.Repeat("hello\n", 10_000),
		"SQLite":           "SQLite format 3\x00" + strings.Repeat("\x00", 9000),
		"another of bbolt": string(other),
	} {
		t.Run(name, func(t *testing.T) {
			if !tryDamaged(t, []byte(content), "", name) {
				t.Error("it was opened")
			}
		})
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "key", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bolt.SetFormat(t, path, 2)
	if _, err := bolt.Open(path, nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("got %v, want %v", err, store.ErrNewer)
	}
}

func TestOpenFileIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	_, err := bolt.Open(path, &bolt.Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want %v with the path", err, store.ErrLocked)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Close(); err != nil {
		t.Error(err)
	}
}

func TestFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode is %o, want 600", mode)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v, want the file alone", entries, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing", "store.db"), dir} {
		_, err := bolt.Open(path, nil)
		if err == nil || errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s): got %v, want an error of the system", path, err)
		}
	}
}

// A file that shrinks under the process must not end it.
func TestFileCutWhileOpenIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	for i := range 50 {
		if err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.Put("table", fmt.Sprint(i), []byte(`"`+strings.Repeat("x", 3000)+`"`))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, 16<<10); err != nil {
		t.Fatal(err)
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("View: got %v, want %v", err, store.ErrCorrupt)
	}
	err = s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "1", []byte("1")) })
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Update: got %v, want %v", err, store.ErrCorrupt)
	}
	_ = s.Close()
}

func FuzzOpenFile(f *testing.F) {
	var files, wants [2]string
	for i, how := range endings {
		file, want := sampleFile(f, how)
		files[i], wants[i] = string(file), want
		f.Add(i, 0, []byte{1})
		f.Add(i, 4096*3, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
		f.Add(i, len(file)-1, []byte{})
	}
	f.Fuzz(func(t *testing.T, which, at int, with []byte) {
		if which < 0 || which >= len(files) || at < 0 || at >= len(files[which]) {
			t.Skip()
		}
		damaged := []byte(files[which])
		if len(with) == 0 {
			damaged = damaged[:at]
		}
		copy(damaged[min(at, len(damaged)):], with)
		tryDamaged(t, damaged, wants[which], fmt.Sprintf("%x written at %d", with, at))
	})
}
