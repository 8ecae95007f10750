package storetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/cognate-id/cognate/store/storetest"
)

// flaws are what can be wrong with a store. Each is a promise broken.
type flaws struct {
	dirtyReads        bool // readers see what is not committed
	unstableSnapshot  bool // a View reads what is there at each moment
	noRollback        bool // an error keeps what was written before it
	partialCommit     bool // a commit becomes visible piece by piece
	lagsBehind        bool // a View beside several Updates may read an older state than the one before it
	lostUpdates       bool // the last to commit wins
	writeSkew         bool // only writes are compared: snapshot isolation
	phantoms          bool // reads of keys are compared too, but not scans
	insertOverwrites  bool
	swallowsConflict  bool // what failed inside the function is forgotten
	goesOn            bool // statements after one that failed do not fail, though there is no commit
	aliasesInput      bool // keeps the slice that it was given
	aliasesOutput     bool // values end with the View
	nullIsNothing     bool // takes the value null for none
	deletesTooMuch    bool // removes the next value too
	roundsNumbers     bool // keeps numbers as floats
	getEndsScan       bool // has one cursor
	scanSeesWrites    bool // a Scan yields what is written inside its loop
	unsorted          bool
	collectsScan      bool // a Scan holds all that it is going to yield
	ignoresLimit      bool
	ignoresReverse    bool
	includesTo        bool
	blindToOwnGets    bool // Get does not see the transaction's own writes
	blindToOwnScans   bool
	ignoresContext    bool
	readsWhenDone     bool // looks at the context only before and after
	acceptsAnything   bool // no limits, no look at values
	stuckAfterPanic   bool
	commitsAfterPanic bool
	servesAfterClose  bool
	closesAtOnce      bool // Close does not wait
	retriesUnknown    bool // runs again after a commit of unknown outcome
	hidesUnknown      bool // takes such a commit for a good one
	losesUnknown      bool // rolls back what it said may have been committed
	partialUnknown    bool // commits a part of it
	stuckAfterUnknown bool
	lossyBulkLoad     bool
	sharedFork        bool
	followsHalfWay    bool // forgets what an index leads to
}

// A flawed store keeps committed states and lets transactions run side by
// side: each compares what it read and wrote with what was committed since it
// began, and runs again if they touch. With no flaw it keeps the contract.
type flawed struct {
	flaws
	late    bool // Insert finds out at the commit, as the contract allows
	mu      sync.Mutex
	log     []commit // all commits since the store was made
	data    tables
	fate    storetest.Fate // of the next commit
	journal *journal       // nil in a store that lives in memory
	before  tables         // an older state
	running int            // Updates
	stuck   bool
	closed  bool
	inside  sync.WaitGroup
}

type tables map[store.Ref][]byte

type commit map[store.Ref]bool // what it wrote

func newFlawed(f flaws) store.Store { return &flawed{flaws: f, data: tables{}} }

// newLate returns a store without flaws whose Inserts do not read: where a key
// is taken it is always Update that says so.
func newLate() store.Store { return &flawed{late: true, data: tables{}} }

func (s *flawed) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *flawed) enter(ctx context.Context) error {
	defer s.lock()()
	if s.closed && !s.servesAfterClose {
		return store.ErrClosed
	}
	if !s.ignoresContext && ctx.Err() != nil {
		return ctx.Err()
	}
	s.inside.Add(1)
	return nil
}

func (s *flawed) Close() error {
	unlock := s.lock()
	s.closed = true
	unlock()
	if !s.closesAtOnce {
		s.inside.Wait()
	}
	if s.journal != nil {
		return s.journal.file.Close()
	}
	return nil
}

func (s *flawed) Fork() (store.Store, error) {
	defer s.lock()()
	if s.sharedFork {
		return &flawed{flaws: s.flaws, data: s.data}, nil
	}
	return &flawed{flaws: s.flaws, late: s.late, data: maps.Clone(s.data)}, nil
}

func (s *flawed) BulkLoad(_ context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	n := 0
	for ref, value := range entries {
		if err := driver.Check(ref, value); err != nil {
			return err
		}
		if n++; s.lossyBulkLoad && n%1_000 == 0 {
			continue
		}
		unlock := s.lock()
		s.data[ref] = slices.Clone(value)
		unlock()
	}
	return nil
}

func (s *flawed) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.inside.Done()
	unlock := s.lock()
	r := &view{s: s, ctx: ctx, data: maps.Clone(s.data)}
	if s.lagsBehind && s.running > 1 {
		r.data = s.before
	}
	unlock()
	defer r.end()
	return fn(r)
}

// A view reads a state, and remembers what it read.
type view struct {
	s     *flawed
	ctx   context.Context
	data  tables
	read  commit
	scans []scanned
	gets  int
	lent  [][]byte
}

type scanned struct {
	table string
	rng   store.Range
}

// end takes values back, in a store whose values end with the View.
func (r *view) end() {
	for _, value := range r.lent {
		for i := range value {
			value[i] = 'x'
		}
	}
}

func (r *view) lend(value []byte) []byte {
	if !r.s.aliasesOutput || value == nil {
		return value
	}
	value = slices.Clone(value)
	r.lent = append(r.lent, value)
	return value
}

func (r *view) done() error {
	if r.s.ignoresContext || r.s.readsWhenDone {
		return nil
	}
	return r.ctx.Err()
}

func (r *view) now() (tables, func()) {
	if r.s.unstableSnapshot {
		return r.s.data, r.s.lock()
	}
	return r.data, func() {}
}

func (r *view) Get(refs ...store.Ref) ([][]byte, error) {
	r.gets++
	if err := r.done(); err != nil {
		return nil, err
	}
	data, unlock := r.now()
	defer unlock()
	values := make([][]byte, len(refs))
	for i, ref := range refs {
		values[i] = r.lend(data[ref])
		if r.s.nullIsNothing && string(values[i]) == "null" {
			values[i] = nil
		}
		if r.read != nil {
			r.read[ref] = true
		}
	}
	return values, nil
}

func (r *view) GetFollowing(refs []store.Ref, follow []store.Follow) ([][]byte, []store.Entry, error) {
	values, followed, err := store.GetFollowing(struct{ store.Reader }{r}, refs, follow)
	for i := range followed {
		if r.s.followsHalfWay {
			followed[i].Value = nil
		}
	}
	return values, followed, err
}

func (r *view) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	r.scans = append(r.scans, scanned{table, rng})
	if err := r.done(); err != nil {
		return func(yield func(store.Entry, error) bool) { yield(store.Entry{}, err) }
	}
	data, unlock := r.now()
	defer unlock()
	var found []store.Entry
	for ref, value := range data {
		if ref.Table == table && within(rng, ref.Key, r.s.includesTo) {
			found = append(found, store.Entry{Key: ref.Key, Value: r.lend(value)})
		}
	}
	if !r.s.unsorted {
		slices.SortFunc(found, func(a, b store.Entry) int {
			if a.Key < b.Key {
				return -1
			}
			return 1
		})
	}
	if rng.Reverse && !r.s.ignoresReverse {
		slices.Reverse(found)
	}
	if rng.Limit > 0 && !r.s.ignoresLimit && len(found) > rng.Limit {
		found = found[:rng.Limit]
	}
	if r.s.collectsScan {
		for i, e := range found {
			found[i].Value = slices.Clone(e.Value)
		}
	}
	return func(yield func(store.Entry, error) bool) {
		gets := r.gets
		for _, e := range found {
			if !yield(e, nil) || r.s.getEndsScan && r.gets > gets {
				return
			}
		}
	}
}

func within(rng store.Range, key string, includesTo bool) bool {
	return key >= rng.From && (rng.To == "" || key < rng.To || includesTo && key == rng.To)
}

func (s *flawed) Update(ctx context.Context, fn func(store.Tx) error) error {
	for {
		again, err := s.attempt(ctx, fn)
		if !again {
			return err
		}
	}
}

func (s *flawed) attempt(ctx context.Context, fn func(store.Tx) error) (again bool, err error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.inside.Done()
	unlock := s.lock()
	if s.stuck {
		unlock()
		return false, errors.New("flawed: stuck")
	}
	r := &view{s: s, ctx: ctx, data: maps.Clone(s.data), read: commit{}}
	began := len(s.log)
	s.stuck = s.stuckAfterPanic
	s.running++
	unlock()
	tx := &transaction{view: r, overlay: driver.NewOverlay(r), written: tables{}, inserted: commit{}}
	returned := false
	defer func() {
		if !returned && s.commitsAfterPanic {
			s.commit(tx)
		}
	}()
	err = fn(tx)
	returned = true
	defer s.lock()()
	s.stuck = false
	s.running--
	switch {
	case err != nil && !s.noRollback:
		return false, err
	case tx.overlay.Err() != nil && !s.swallowsConflict && !s.acceptsAnything:
		return false, tx.overlay.Err()
	case tx.failed != nil:
		return false, tx.failed
	case ctx.Err() != nil && !s.ignoresContext:
		return false, ctx.Err()
	case s.conflicts(tx, began):
		return true, nil
	case tx.taken():
		return false, store.ErrExists
	}
	if s.fate != storetest.Known {
		return s.loseConnection(tx)
	}
	s.apply(tx)
	return false, err
}

// cut gives the next commit its fate.
func (s *flawed) cut(f storetest.Fate) {
	defer s.lock()()
	s.fate = f
}

func (s *flawed) loseConnection(tx *transaction) (again bool, err error) {
	committed := s.fate == storetest.Committed && !s.losesUnknown
	s.fate, s.stuck = storetest.Known, s.stuckAfterUnknown
	for ref := range tx.written {
		if s.partialUnknown && ref.Table == "table" {
			delete(tx.written, ref)
		}
	}
	if committed {
		s.apply(tx)
	}
	if s.retriesUnknown || s.hidesUnknown {
		return s.retriesUnknown, nil
	}
	return false, store.ErrUnknownOutcome
}

// conflicts reports whether a commit since began touched what tx read or wrote.
func (s *flawed) conflicts(tx *transaction, began int) bool {
	if s.lostUpdates {
		return false
	}
	for _, c := range s.log[began:] {
		for ref := range c {
			_, wrote := tx.written[ref]
			switch {
			case wrote:
				return true
			case s.writeSkew:
				continue
			case tx.read[ref]:
				return true
			case s.phantoms:
				continue
			case slices.ContainsFunc(tx.scans, func(sc scanned) bool {
				return sc.table == ref.Table && within(sc.rng, ref.Key, false)
			}):
				return true
			}
		}
	}
	return false
}

func (s *flawed) commit(tx *transaction) {
	defer s.lock()()
	s.stuck = false
	s.apply(tx)
}

func (s *flawed) apply(tx *transaction) {
	c := commit{}
	if s.journal != nil {
		s.journal.write(tx.written)
	}
	if len(s.log)%4 == 0 {
		s.before = maps.Clone(s.data)
	}
	for ref, value := range tx.written {
		c[ref] = true
		if value == nil {
			s.remove(ref)
		} else {
			s.data[ref] = value
		}
		if s.partialCommit {
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		}
	}
	s.log = append(s.log, c)
}

func (s *flawed) remove(ref store.Ref) {
	delete(s.data, ref)
	if !s.deletesTooMuch {
		return
	}
	next := ref
	for other := range s.data {
		if other.Table == ref.Table && other.Key > ref.Key && (next == ref || other.Key < next.Key) {
			next = other
		}
	}
	delete(s.data, next)
}

// A transaction passes writes on to an overlay, except where it is to be wrong.
type transaction struct {
	*view
	overlay  *driver.Overlay
	written  tables
	failed   error  // in a store that goes on
	inserted commit // where nothing may be, in a store that is late to look
}

func (t *transaction) taken() bool {
	for ref := range t.inserted {
		if t.s.data[ref] != nil {
			return true
		}
	}
	return false
}

func (t *transaction) Get(refs ...store.Ref) ([][]byte, error) {
	if t.s.blindToOwnGets {
		return t.view.Get(refs...)
	}
	if !t.s.aliasesInput {
		return t.overlay.Get(refs...)
	}
	values, err := t.overlay.Get(refs...)
	for i, ref := range refs {
		if value, ok := t.written[ref]; ok && err == nil {
			values[i] = value
		}
	}
	return values, err
}

func (t *transaction) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	if t.s.blindToOwnScans {
		return t.view.Scan(table, rng)
	}
	if t.s.scanSeesWrites && !rng.Reverse && rng.Limit == 0 {
		return t.follow(table, rng)
	}
	return t.overlay.Scan(table, rng)
}

// follow scans by looking for the next entry again and again.
func (t *transaction) follow(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		rng.Limit = 1
		for more := true; more; {
			more = false
			for e, err := range t.overlay.Scan(table, rng) {
				if !yield(e, err) || err != nil {
					return
				}
				more, rng.From = true, e.Key+"\x00"
			}
		}
	}
}

func (t *transaction) Insert(table, key string, value []byte) error {
	if t.s.insertOverwrites {
		return t.Put(table, key, value)
	}
	ref := store.Ref{Table: table, Key: key}
	if _, own := t.written[ref]; t.s.late && !own {
		t.inserted[ref] = true
		return t.Put(table, key, value)
	}
	if t.s.swallowsConflict {
		values, err := t.overlay.Get(ref)
		if err != nil || values[0] != nil {
			return errors.Join(err, store.ErrExists)
		}
	}
	return t.wrote(table, key, value, t.overlay.Insert(table, key, value))
}

func (t *transaction) Put(table, key string, value []byte) error {
	if err := driver.Check(store.Ref{Table: table, Key: key}, value); err != nil && t.s.goesOn {
		t.failed = err
		return err
	}
	return t.wrote(table, key, value, t.overlay.Put(table, key, value))
}

func (t *transaction) Delete(table, key string) error {
	return t.wrote(table, key, nil, t.overlay.Delete(table, key))
}

func (t *transaction) wrote(table, key string, value []byte, err error) error {
	if err != nil && !t.s.acceptsAnything {
		return err
	}
	if !t.s.aliasesInput {
		value = slices.Clone(value)
	}
	if t.s.roundsNumbers {
		var v any
		if json.Unmarshal(value, &v) == nil {
			value, _ = json.Marshal(v)
		}
	}
	ref := store.Ref{Table: table, Key: key}
	t.written[ref] = value
	if t.s.dirtyReads {
		defer t.s.lock()()
		t.s.data[ref] = value
	}
	return nil
}
