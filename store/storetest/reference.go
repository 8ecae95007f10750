package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// A reference is the simplest possible store, for one transaction after another. It makes
// up random histories and knows the correct answers.
type reference struct {
	rand   *rand.Rand
	first  string // first part of each key, to keep histories in one store apart
	tables map[string]map[string]string
	work   map[string]map[string]string // the transaction's own copy
}

var historyTables = []string{"people", "table", "table.x"}

func newReference(seed int64, first string) *reference {
	r := &reference{rand: rand.New(rand.NewSource(seed)), first: first, tables: make(map[string]map[string]string)}
	for _, table := range historyTables {
		r.tables[table] = make(map[string]string)
	}
	return r
}

// history returns n transactions, and one more that reads everything.
func (r *reference) history(n int) []past {
	var h []past
	for range n {
		h = append(h, r.transaction())
	}
	last := past{View: true}
	r.begin()
	for _, table := range historyTables {
		p := store.Prefix(r.first)
		last.Steps = append(last.Steps, r.answer(step{Do: "scan", Table: table, From: escape(p.From), To: escape(p.To)}))
	}
	return append(h, last)
}

func (r *reference) begin() {
	r.work = make(map[string]map[string]string)
	for table, entries := range r.tables {
		r.work[table] = maps.Clone(entries)
	}
}

// transaction makes up a transaction. After a statement has failed, every later statement
// fails with the same error, except after an Insert, see [step.Free].
func (r *reference) transaction() past {
	r.begin()
	p := past{View: r.rand.Intn(4) == 0, Swallow: r.rand.Intn(3) == 0}
	for range 1 + r.rand.Intn(8) {
		st := r.step(p)
		switch p.Err {
		case "":
			st = r.answer(st)
			var f failure
			if json.Unmarshal(st.Answer, &f) == nil {
				p.Err = f.Err
			}
			if st.Do == "insert" && p.Err == "exists" {
				st.Free, st.Answer = true, nil
			}
		case "exists":
			st.Free = true
		default:
			st.Answer = asJSON(failure{p.Err})
		}
		p.Steps = append(p.Steps, st)
	}
	if p.Err == "" && !p.View && r.rand.Intn(6) == 0 {
		p.Steps = append(p.Steps, step{Do: "stop", Answer: asJSON(failure{"stopped"})})
		p.Swallow, p.Err = false, "stopped"
	}
	if p.Err == "" {
		r.tables = r.work
	}
	return p
}

// step makes up a step.
func (r *reference) step(p past) step {
	st := step{Table: historyTables[r.rand.Intn(len(historyTables))]}
	n := r.rand.Intn(10)
	switch {
	case n < 2:
		st.Do = "get"
		for range 1 + r.rand.Intn(4) {
			st.Keys = append(st.Keys, escape(r.key()))
		}
		return st
	case n < 4 || p.View:
		return r.scan(st)
	}
	st.Keys = []string{escape(r.key())}
	st.Value = string(asJSON(r.value()))
	switch {
	case n < 5:
		st.Do, st.Value = "delete", ""
		return st
	case n < 7:
		st.Do = "insert"
	default:
		st.Do = "put"
		if p.Err == "" {
			r.spoil(&st)
		}
	}
	return st
}

// spoil turns some Puts into invalid ones. It leaves Inserts alone, because an Insert could
// then fail for two reasons.
func (r *reference) spoil(st *step) {
	switch r.rand.Intn(25) {
	case 0:
		st.Value = `{"half":`
	case 1:
		st.Value, st.Size = "", store.MaxValue+1
	case 2:
		st.Keys = []string{""}
	}
}

func (r *reference) scan(st step) step {
	st.Do = "scan"
	rng := store.Prefix(r.first)
	switch r.rand.Intn(3) {
	case 0:
		rng = store.Prefix(r.first, r.part())
	case 1:
		rng.From, rng.To = r.key(), r.key()
	}
	st.From, st.To = escape(rng.From), escape(rng.To)
	st.Reverse, st.Limit = r.rand.Intn(2) == 0, max(0, r.rand.Intn(9)-3)
	return st
}

func (r *reference) key() string { return store.Key(r.first, r.part(), r.part()) }

func (r *reference) part() string {
	parts := []string{"", "\x00", "a", "a\x00", "é", "\xff"}
	return parts[r.rand.Intn(len(parts))]
}

func (r *reference) value() any {
	switch r.rand.Intn(5) {
	case 0:
		return nil
	case 1:
		return r.rand.Intn(1000)
	case 2:
		return []any{fmt.Sprint("é ", r.rand.Intn(1000)), true}
	default:
		return map[string]any{"n": r.rand.Intn(1000), "text": "a\"b\\c"}
	}
}

// answer makes the call and records the answer.
func (r *reference) answer(st step) step {
	table := r.work[st.Table]
	switch st.Do {
	case "get":
		found := make([][]json.RawMessage, len(st.Keys))
		for i, key := range st.Keys {
			found[i] = []json.RawMessage{}
			if value, ok := table[unescape(key)]; ok {
				found[i] = append(found[i], json.RawMessage(value))
			}
		}
		st.Answer = asJSON(found)
	case "scan":
		st.Answer = asJSON(st.among(table))
	case "delete":
		delete(table, unescape(st.Keys[0]))
		st.Answer = asJSON(nil)
	default:
		st.Answer = r.write(table, st)
	}
	return st
}

func (r *reference) write(table map[string]string, st step) json.RawMessage {
	key := unescape(st.Keys[0])
	_, taken := table[key]
	switch {
	case st.Size > store.MaxValue:
		return asJSON(failure{"too large"})
	case key == "" || !json.Valid([]byte(st.Value)):
		return asJSON(failure{"invalid"})
	case taken && st.Do == "insert":
		return asJSON(failure{"exists"})
	}
	table[key] = st.Value
	return asJSON(nil)
}

// among returns what a scan finds in a table.
func (st step) among(table map[string]string) any {
	found := [][2]any{}
	rng := store.Range{From: unescape(st.From), To: unescape(st.To), Reverse: st.Reverse, Limit: st.Limit}
	for _, key := range expect(slices.Sorted(maps.Keys(table)), rng) {
		found = append(found, [2]any{escape(key), json.RawMessage(table[key])})
	}
	return found
}
