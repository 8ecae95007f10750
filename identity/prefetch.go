package identity

// Prefetching: a Reader above another that has read in one round trip what a flow
// is about to ask for. It changes no result, only how often the store is asked.

import (
	"slices"

	"github.com/cognate-id/cognate/store"
)

// A prefetcher is a Reader that reads, together with what it is asked for, what
// it will probably be asked for next. If the store is on another machine, each Get
// is a round trip. Everything comes from one snapshot, so the answers are those of
// the Reader below. A wrong guess costs a read that nobody needed.
type prefetcher struct {
	store.Reader
	known  map[store.Ref][]byte
	next   []store.Ref
	follow []store.Follow
}

// A prefetchPlan is what is likely to be asked for.
type prefetchPlan struct {
	refs   []store.Ref
	follow []store.Follow
}

func prefetch(r store.Reader, likely ...prefetchPlan) *prefetcher {
	a := &prefetcher{Reader: r}
	for _, plan := range likely {
		a.next, a.follow = append(a.next, plan.refs...), append(a.follow, plan.follow...)
	}
	return a
}

// Get implements [store.Reader].
func (a *prefetcher) Get(refs ...store.Ref) ([][]byte, error) {
	missing := a.unknown(nil, refs)
	if len(missing) > 0 {
		missing = a.unknown(missing, a.next)
		values, followed, err := store.GetFollowing(a.Reader, missing, a.follow)
		if err != nil {
			return nil, err
		}
		if a.known == nil {
			// As large whether or not anything is found, since a map that grows takes time.
			a.known = make(map[store.Ref][]byte, len(missing)+len(a.follow))
		}
		for i, ref := range missing {
			a.known[ref] = values[i]
		}
		for i, e := range followed {
			if e.Key != "" {
				a.known[store.Ref{Table: a.follow[i].Table, Key: e.Key}] = e.Value
			}
		}
		a.next, a.follow = nil, nil
	}
	out := make([][]byte, len(refs))
	for i, ref := range refs {
		out[i] = a.known[ref]
	}
	return out, nil
}

func (a *prefetcher) unknown(to, refs []store.Ref) []store.Ref {
	for _, ref := range refs {
		if _, ok := a.known[ref]; !ok {
			to = append(to, ref)
		}
	}
	return to
}

// A prefetchTx is a transaction that reads as a prefetcher does. What it writes it reads from the
// transaction. It is for a few refs: it looks through all of them.
type prefetchTx struct {
	store.Tx
	next   []store.Ref
	refs   []store.Ref // that are known
	values [][]byte    // of refs
}

func txPrefetch(tx store.Tx, likely ...store.Ref) *prefetchTx {
	return &prefetchTx{Tx: tx, next: likely}
}

// Get implements [store.Reader].
func (a *prefetchTx) Get(refs ...store.Ref) ([][]byte, error) {
	missing := a.unknown(make([]store.Ref, 0, len(refs)+len(a.next)), refs)
	if len(missing) > 0 {
		missing = a.unknown(missing, a.next)
		values, err := a.Tx.Get(missing...)
		if err != nil {
			return nil, err
		}
		a.next, a.refs, a.values = nil, append(a.refs, missing...), append(a.values, values...)
	}
	out := make([][]byte, len(refs))
	for i, ref := range refs {
		out[i] = a.values[slices.Index(a.refs, ref)]
	}
	return out, nil
}

func (a *prefetchTx) unknown(to, refs []store.Ref) []store.Ref {
	for _, ref := range refs {
		if !slices.Contains(a.refs, ref) && !slices.Contains(to, ref) {
			to = append(to, ref)
		}
	}
	return to
}

// forget makes the next Get of a key read it again.
func (a *prefetchTx) forget(table, key string) {
	if i := slices.Index(a.refs, store.Ref{Table: table, Key: key}); i >= 0 {
		a.refs, a.values = slices.Delete(a.refs, i, i+1), slices.Delete(a.values, i, i+1)
	}
}

// Insert implements [store.Tx].
func (a *prefetchTx) Insert(table, key string, value []byte) error {
	a.forget(table, key)
	return a.Tx.Insert(table, key, value)
}

// Put implements [store.Tx].
func (a *prefetchTx) Put(table, key string, value []byte) error {
	a.forget(table, key)
	return a.Tx.Put(table, key, value)
}

// Delete implements [store.Tx].
func (a *prefetchTx) Delete(table, key string) error {
	a.forget(table, key)
	return a.Tx.Delete(table, key)
}
