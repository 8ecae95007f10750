package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

var backupTables = store.Catalog{
	&store.Table[Pet]{Name: "b", Owner: store.OwnedByEngine, Key: pets.Key},
	&store.Table[Pet]{Name: "a", Owner: store.OwnedByEngine, Key: pets.Key, Indexes: []*store.Index[Pet]{petNames}},
}

// unauthenticated accepts what nobody vouches for.
var unauthenticated = &store.RestoreOptions{InsecureUnauthenticated: true}

// filled is a store with some entries, with keys and values that are hard to write down.
func filled(t *testing.T) store.Store { return filledUpTo(t, 10_000) }

// filledUpTo is such a store, whose largest value has a size.
func filledUpTo(t *testing.T, largest int) store.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { s.Close() })
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := range 300 {
			if err := tx.Put("a", store.Key(fmt.Sprint(i), "\x00\xff"), []byte(`{"v":1,"text":"<&>"}`)); err != nil {
				return err
			}
		}
		if err := tx.Put("a.names", "\x00\x01\xfe", []byte(`"x"`)); err != nil {
			return err
		}
		return tx.Put("b", "big", []byte(`"`+strings.Repeat("<", largest-2)+`"`))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func backedUp(t *testing.T, s store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if n, err := store.Backup(t.Context(), s, &out, backupTables, nil); err != nil || n != 302 {
		t.Fatalf("Backup = %d, %v", n, err)
	}
	return out.Bytes()
}

func contents(t *testing.T, s store.Store) (out []string) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, table := range backupTables.Tables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				out = append(out, table+"\x00"+e.Key+"\x00"+string(e.Value))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A plainStore has no further powers.
type plainStore struct{ store.Store }

func TestBackupRestore(t *testing.T) {
	s := filledUpTo(t, store.MaxValue)
	b := backedUp(t, s)
	for _, to := range []store.Store{memory.New(), plainStore{memory.New()}} {
		if n, err := store.Restore(t.Context(), to, bytes.NewReader(b), backupTables, unauthenticated); err != nil || n != 302 {
			t.Fatalf("Restore = %d, %v", n, err)
		}
		if !slices.Equal(contents(t, to), contents(t, s)) {
			t.Error("the restored store differs")
		}
		if _, err := store.Restore(t.Context(), to, bytes.NewReader(b), backupTables, unauthenticated); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("Restore again = %v, want ErrNotEmpty", err)
		}
	}
}

// TestRestoreRefuses holds that a backup that is not whole writes nothing.
func TestRestoreRefuses(t *testing.T) {
	b := backedUp(t, filled(t))
	lines := bytes.SplitAfter(b, []byte("\n"))
	lines = lines[:len(lines)-1]
	without := func(i int) []byte { return bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil) }
	last := len(lines) - 1
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, store.ErrCorrupt},
		{"something else", []byte("{}\n"), store.ErrCorrupt},
		{"cut in a line", b[:len(b)/2], store.ErrCorrupt},
		{"cut by one byte", b[:len(b)-1], store.ErrCorrupt},
		{"without trailer", without(last), store.ErrCorrupt},
		{"without an entry", without(5), store.ErrCorrupt},
		{"not in order", whole(`{"t":"a","k":"Yg==","v":1}`, `{"t":"a","k":"YQ==","v":1}`), store.ErrCorrupt},
		{"an entry twice", whole(`{"t":"a","k":"Yg==","v":1}`, `{"t":"a","k":"Yg==","v":1}`), store.ErrCorrupt},
		{"no document", whole(`{"t":"a","k":"YQ==","v":"\ud800"}`), store.ErrCorrupt},
		{"an empty key", whole(`{"t":"a","v":1}`), store.ErrCorrupt},
		{"altered", bytes.Replace(b, []byte("<&>"), []byte("<&!"), 1), store.ErrCorrupt},
		{"other count", bytes.Replace(b, []byte(`"entries":302`), []byte(`"entries":301`), 1), store.ErrCorrupt},
		{"followed by more", append(slices.Clone(b), 'x'), store.ErrCorrupt},
		{"newer", bytes.Replace(b, []byte(`"cognateBackup":2`), []byte(`"cognateBackup":3`), 1), store.ErrNewer},
		{"unknown table", bytes.Replace(b, []byte(`"a.names"`), []byte(`"a.other"`), 1), store.ErrNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := memory.New()
			defer to.Close()
			if _, err := store.Restore(t.Context(), to, bytes.NewReader(tt.b), backupTables, unauthenticated); !errors.Is(err, tt.want) {
				t.Errorf("Restore = %v, want %v", err, tt.want)
			}
			if got := contents(t, to); len(got) > 0 {
				t.Errorf("it wrote %d entries", len(got))
			}
		})
	}
}

// A vast store has many large entries, which are made when they are read.
type vast struct {
	store.Store
	n int
}

func (v vast) View(ctx context.Context, fn func(store.Reader) error) error {
	return v.Store.View(ctx, func(r store.Reader) error { return fn(vastReader{r, v.n}) })
}

type vastReader struct {
	store.Reader
	n int
}

func (r vastReader) Scan(table string, _ store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		if table != "a" {
			return
		}
		for i := range r.n {
			value := fmt.Appendf(nil, `{"n":%d,"text":%q}`, i, strings.Repeat("x", 100_000))
			if !yield(store.Entry{Key: store.Key(store.Int(int64(i))), Value: value}, nil) {
				return
			}
		}
	}
}

// TestBackupInConstantMemory writes a backup of 50 MB and reads it.
func TestBackupInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("backs up 500 large values")
	}
	const entries, grows = 500, 8 << 20
	s := vast{memory.New(), entries}
	defer s.Close()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start, most := heap(), uint64(0)
	progress := func(n int64) {
		if n%50 == 0 {
			most = max(most, heap())
		}
	}
	r, w := io.Pipe()
	go func() {
		_, err := store.Backup(t.Context(), s, w, backupTables, &store.BackupOptions{Progress: progress})
		w.CloseWithError(err)
	}()
	if n, err := store.VerifyBackup(t.Context(), r, backupTables, unauthenticated); err != nil || n != entries {
		t.Fatalf("VerifyBackup = %d, %v", n, err)
	}
	if most == 0 || most > start+grows {
		t.Errorf("a backup of 50 MB holds %d bytes, want at most %d", most-start, grows)
	}
}

// whole is a backup of some entries with a trailer that agrees.
func whole(entries ...string) []byte {
	lines := `{"cognateBackup":1,"tables":["a","a.names","b"]}` + "\n"
	for _, e := range entries {
		lines += e + "\n"
	}
	return withTrailer([]byte(lines))
}

func withTrailer(lines []byte) []byte {
	n := max(bytes.Count(lines, []byte("\n"))-1, 0)
	return fmt.Appendf(slices.Clone(lines), `{"entries":%d,"sha256":"%x"}`+"\n", n, sha256.Sum256(lines))
}

// FuzzBackup reads backups that somebody has written, with a trailer that agrees.
func FuzzBackup(f *testing.F) {
	for _, lines := range []string{
		`{"cognateBackup":1,"tables":["a","a.names","b"]}` + "\n" + `{"t":"a","k":"YQ==","v":{"x":1}}` + "\n" + `{"t":"b","k":"Yg==","v":null}` + "\n",
		`{"cognateBackup":1,"tables":["a"]}` + "\n" + `{"t":"a","k":"YQ==","v":"\ud800"}` + "\n",
		`{"cognateBackup":1,"tables":["a"]}` + "\n" + `{"t":"b","k":"YQ==","v":1}` + "\n",
		`{"cognateBackup":3,"tables":[]}` + "\n",
		"{}\n", "",
	} {
		f.Add([]byte(lines))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		b := withTrailer(lines)
		n, err := store.VerifyBackup(t.Context(), bytes.NewReader(b), backupTables, unauthenticated)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNewer) {
				t.Errorf("VerifyBackup = %v, want ErrCorrupt or ErrNewer", err)
			}
			return
		}
		s := memory.New()
		defer s.Close()
		if restored, err := store.Restore(t.Context(), s, bytes.NewReader(b), backupTables, unauthenticated); err != nil || restored != n {
			t.Fatalf("Restore = %d, %v of a backup that is whole, with %d entries", restored, err, n)
		}
		if again, err := store.Backup(t.Context(), s, io.Discard, backupTables, nil); err != nil || again != n {
			t.Errorf("Backup of the restored store = %d, %v, want %d", again, err, n)
		}
	})
}
