package storetest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/storetest"
)

// A journal makes a flawed store outlive its process: each commit is a line of a file.
type journal struct {
	file    *os.File
	held    int  // commits not yet written
	early   bool // acknowledges before it writes
	pieces  bool // a line for each entry
	deletes bool // leaves deletions out
	lines   bytes.Buffer
}

type journaled struct {
	Table string
	Key   []byte
	Value json.RawMessage `json:",omitempty"`
}

// openJournal opens a store that reads what is in the journal first. A line
// that was not written to its end is not read.
func openJournal(t testing.TB, dir string, j journal) store.Store {
	t.Helper()
	path := filepath.Join(dir, "journal")
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	s := &flawed{data: tables{}, journal: &j}
	whole := bytes.LastIndexByte(content, '\n') + 1
	for line := range bytes.Lines(content[:whole]) {
		var entries []journaled
		if err := json.Unmarshal(line, &entries); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			ref := store.Ref{Table: e.Table, Key: string(e.Key)}
			if s.data[ref] = e.Value; e.Value == nil {
				delete(s.data, ref)
			}
		}
	}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.file.Truncate(int64(whole)); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.Seek(0, 2); err != nil {
		t.Fatal(err)
	}
	return s
}

func (j *journal) write(written tables) {
	var entries []journaled
	for ref, value := range written {
		if j.deletes && value == nil {
			continue
		}
		entries = append(entries, journaled{ref.Table, []byte(ref.Key), value})
		if j.pieces {
			j.line(entries)
			entries = nil
			time.Sleep(100 * time.Microsecond) // or few are killed in between
		}
	}
	j.line(entries)
	if j.held++; !j.early || j.held%13 == 0 {
		j.flush()
	}
}

func (j *journal) line(entries []journaled) {
	if err := json.NewEncoder(&j.lines).Encode(entries); err != nil {
		panic(err)
	}
	if j.pieces {
		j.flush()
	}
}

func (j *journal) flush() {
	if _, err := j.lines.WriteTo(j.file); err != nil {
		panic(err)
	}
}

func TestKill(t *testing.T) {
	storetest.RunKill(t, func(t *testing.T, dir string) store.Store { return openJournal(t, dir, journal{}) })
}

func TestDurable(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T, dir string) store.Store { return openJournal(t, dir, journal{}) })
}

func TestEachFlawOfDurabilityIsFound(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flaw    journal
		durable bool // RunDurable finds it too
	}{
		{"acknowledges before it writes", journal{early: true}, true},
		{"writes in pieces", journal{pieces: true}, false},
		{"brings back what was deleted", journal{deletes: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("COGNATE_KILLS", "20") // it ends with the first that is found
			got := verdictOf(t, func(t testing.TB) {
				storetest.Kill(t, func(dir string) store.Store { return openJournal(t, dir, tt.flaw) })
			})
			if got == "" {
				t.Error("RunKill finds nothing wrong")
			}
			t.Logf("RunKill: %.150s", got)
			if !tt.durable {
				return
			}
			got = verdictOf(t, func(t testing.TB) {
				storetest.Reopen(t, func(dir string) store.Store { return openJournal(t, dir, tt.flaw) })
			})
			if got == "" {
				t.Error("RunDurable finds nothing wrong")
			}
			t.Logf("RunDurable: %.150s", got)
		})
	}
}
