package storetest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// A history is a list of transactions with the answer to each call. The test makes the
// calls of a history on a store and compares the answers. One history is recorded in
// testdata; others are made at random by the reference store.

// A past is one transaction of a history: its calls, the answer to each call, and the
// outcome.
type past struct {
	View  bool   `json:"view,omitempty"`
	Steps []step `json:"steps"`
	// Swallow makes the function return nil, whatever its calls returned.
	Swallow bool   `json:"swallow,omitempty"`
	Err     string `json:"err,omitempty"` // the error of the transaction, see verdicts
}

// A step is one call. Keys are escaped as in a URL, since JSON cannot hold all keys.
type step struct {
	Do      string          `json:"do"` // get, scan, insert, put, delete, or stop: the function fails
	Table   string          `json:"table,omitempty"`
	Keys    []string        `json:"keys,omitempty"`
	Value   string          `json:"value,omitempty"`
	Size    int             `json:"size,omitempty"` // the value is a string document of this size
	From    string          `json:"from,omitempty"`
	To      string          `json:"to,omitempty"`
	Reverse bool            `json:"reverse,omitempty"`
	Limit   int             `json:"limit,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
	// Free means that any answer is correct. An earlier Insert found its key taken, which a
	// driver may find out only at the commit.
	Free bool `json:"free,omitempty"`
}

// verdicts are the errors that a history can name.
var verdicts = map[string]error{
	"exists": store.ErrExists, "invalid": store.ErrInvalid, "too large": store.ErrTooLarge, "stopped": errStop,
}

func verdictOf(err error) string {
	for name, known := range verdicts {
		if errors.Is(err, known) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// goldenHistory is what the reference has answered once and for all, so that
// a change of it, or of its seed's meaning, does not move what drivers are held to.
//
//go:embed testdata/history.json
var goldenHistory []byte

// recordedHistory compares the store with the recorded history, one transaction a line.
func recordedHistory(t testing.TB, s store.Store) {
	var h []past
	for line := range strings.Lines(string(goldenHistory)) {
		var p past
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		h = append(h, p)
	}
	repeat(t, s, h)
}

// otherHistories compares the store with histories made from other seeds.
func otherHistories(t testing.TB, s store.Store) {
	for seed := range times(3, 1) {
		r := newReference(int64(seed)+100, fmt.Sprint(seed))
		repeat(t, s, r.history(60))
	}
}

// repeat makes the calls of a history and compares the answers.
func repeat(t testing.TB, s store.Store, h []past) {
	t.Helper()
	for n, want := range h {
		got := want.repeat(s)
		if got.Err != want.Err {
			t.Fatalf("transaction %d of the history: got error %q, want %q\n%.2000s", n, got.Err, want.Err, asJSON(want))
		}
		for i, w := range want.Steps {
			if !w.Free && !sameJSON(got.Steps[i].Answer, w.Answer) {
				t.Fatalf("transaction %d of the history, step %d: %.2000s\ngot answer %.2000s", n, i, asJSON(w), got.Steps[i].Answer)
			}
		}
	}
}

// repeat makes the calls of one transaction and returns it with the answers of s.
func (p past) repeat(s store.Store) past {
	got := past{Steps: make([]step, len(p.Steps))}
	run := func(r store.Reader, tx store.Tx) (first error) {
		for i, st := range p.Steps {
			answer, err := st.call(r, tx)
			got.Steps[i].Answer = asJSON(answer)
			if first == nil {
				first = err
			}
		}
		if p.Swallow {
			return nil
		}
		return first
	}
	var err error
	if p.View {
		err = view(s, func(r store.Reader) error { return run(r, nil) })
	} else {
		err = update(s, func(tx store.Tx) error { return run(tx, tx) })
	}
	got.Err = verdictOf(err)
	return got
}

// call makes one call.
func (st step) call(r store.Reader, tx store.Tx) (answer any, err error) {
	switch st.Do {
	case "get":
		answer, err = st.get(r)
	case "scan":
		answer, err = st.scan(r)
	case "insert":
		err = tx.Insert(st.Table, unescape(st.Keys[0]), st.document())
	case "put":
		err = tx.Put(st.Table, unescape(st.Keys[0]), st.document())
	case "delete":
		err = tx.Delete(st.Table, unescape(st.Keys[0]))
	case "stop":
		err = errStop
	}
	if err != nil {
		return failure{verdictOf(err)}, err
	}
	return answer, nil
}

type failure struct {
	Err string `json:"err"`
}

// get returns a list for each key: empty if the key does not exist, otherwise with the
// value, because a value may itself be null.
func (st step) get(r store.Reader) (any, error) {
	var refs []store.Ref
	for _, key := range st.Keys {
		refs = append(refs, store.Ref{Table: st.Table, Key: unescape(key)})
	}
	values, err := r.Get(refs...)
	found := make([][]json.RawMessage, len(values))
	for i, value := range values {
		found[i] = []json.RawMessage{}
		if value != nil {
			found[i] = append(found[i], value)
		}
	}
	return found, err
}

// scan returns pairs of key and value.
func (st step) scan(r store.Reader) (any, error) {
	found := [][2]any{}
	rng := store.Range{From: unescape(st.From), To: unescape(st.To), Reverse: st.Reverse, Limit: st.Limit}
	for e, err := range r.Scan(st.Table, rng) {
		if err != nil {
			return nil, err
		}
		found = append(found, [2]any{escape(e.Key), json.RawMessage(e.Value)})
	}
	return found, nil
}

func (st step) document() []byte {
	if st.Size > 0 {
		return []byte(`"` + strings.Repeat("x", st.Size-2) + `"`)
	}
	return []byte(st.Value)
}

func escape(key string) string { return url.QueryEscape(key) }

func unescape(key string) string {
	out, err := url.QueryUnescape(key)
	if err != nil {
		panic(err) // the history was made by this package
	}
	return out
}

// asJSON returns v as JSON. It also describes a value that is not JSON, which a broken
// store may return.
func asJSON(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil {
		return asJSON(failure{err.Error()})
	}
	return out
}
