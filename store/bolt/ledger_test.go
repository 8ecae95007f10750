package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// A ledger is what several writers have written, each one transaction after
// the other, so that the number of the last one tells all that must be there of
// a writer: a transaction of which a part is missing, or too much, shows.
const (
	ledgerWriters = 4
	ledgerKeeps   = 5 // entries of a writer; each transaction deletes the oldest
)

// childSteps is how many transactions each writer of a ledger makes.
const childSteps = "COGNATE_BOLT_STEPS"

// count is how often a test tries: by an environment variable, or so often.
func count(t testing.TB, env string, normal, short int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	if testing.Short() {
		return short
	}
	return normal
}

// newLedger makes an empty store without any reserve, so that the next write makes the file larger.
func newLedger(t *testing.T) (path string, file []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file = used(t, file)
	if err := os.Truncate(path, int64(len(file))); err != nil {
		t.Fatal(err)
	}
	return path, file
}

func ledgerValue(table string, writer, n int) []byte {
	size := 40
	if table == "large" {
		size = (n*977 + writer*131) % 9000 // some take pages of their own
		if n%8 == 0 {
			size = 120_000 // so that the file grows
		}
	}
	return fmt.Appendf(nil, `"%d.%d.%s"`, writer, n, strings.Repeat("x", size))
}

func ledgerKey(writer, n int) string { return store.Key(fmt.Sprint(writer), store.Int(int64(n))) }

// step is transaction n of a writer.
func step(s store.Store, writer, n int) error {
	return s.Update(context.Background(), func(tx store.Tx) error {
		if err := tx.Put("last", ledgerKey(writer, 0), strconv.AppendInt(nil, int64(n), 10)); err != nil {
			return err
		}
		for _, table := range []string{"small", "large"} {
			if err := tx.Insert(table, ledgerKey(writer, n), ledgerValue(table, writer, n)); err != nil {
				return err
			}
			if err := tx.Delete(table, ledgerKey(writer, n-ledgerKeeps)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ledger returns the last transaction of each writer, and an error unless
// exactly that is there which they have written up to then.
func ledger(s *bolt.Store) (last [ledgerWriters]int, err error) {
	err = s.View(context.Background(), func(r store.Reader) error {
		want := make(map[store.Ref]string)
		for w := range last {
			values, err := r.Get(store.Ref{Table: "last", Key: ledgerKey(w, 0)})
			if err != nil {
				return err
			}
			last[w], _ = strconv.Atoi(string(values[0]))
			for n := max(1, last[w]-ledgerKeeps+1); n <= last[w]; n++ {
				for _, table := range []string{"small", "large"} {
					want[store.Ref{Table: table, Key: ledgerKey(w, n)}] = string(ledgerValue(table, w, n))
				}
			}
		}
		return compareLedger(r, want)
	})
	return last, errors.Join(err, s.Check(context.Background()))
}

func compareLedger(r store.Reader, want map[store.Ref]string) error {
	for _, table := range []string{"small", "large"} {
		for e, err := range r.Scan(table, store.Range{}) {
			if err != nil {
				return err
			}
			ref := store.Ref{Table: table, Key: e.Key}
			if want[ref] != string(e.Value) {
				return fmt.Errorf("%s %q holds %.20q, want %.20q", table, e.Key, e.Value, want[ref])
			}
			delete(want, ref)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("%d entries are missing", len(want))
	}
	return nil
}

// writeLedger is a child process. It appends a line to the file of
// acknowledgements when an Update has returned.
func writeLedger(path string) {
	s, err := childOpens(path)
	exitOn(err)
	acks, err := os.OpenFile(path+".acks", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	exitOn(err)
	steps, err := strconv.Atoi(os.Getenv(childSteps))
	exitOn(err)
	var wg sync.WaitGroup
	for w := range ledgerWriters {
		wg.Go(func() {
			for n := 1; n <= steps; n++ {
				exitOn(step(s, w, n))
				_, err := fmt.Fprintf(acks, "%d %d\n", w, n)
				exitOn(err)
			}
		})
	}
	wg.Wait()
	exitOn(s.Close())
	os.Exit(0)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// notUnderRace skips a test of files that takes long, and shows the race
// detector nothing that others do not.
func notUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("it is about files, not about goroutines: it runs without the race detector")
	}
}
