package sealed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/store"
)

// To change the key, call RotateKeyFile, wait a minute, call Reseal, then DropOldKeys.
// Reseal scans each secret table for values under another key. It seals them again in small
// transactions that read each value once more, because others may have written it
// meanwhile. DropOldKeys counts the values under each key first, and removes the old keys
// only if none is in use.

// The bounds of one transaction that seals values again. They let other writers get their
// turn in between.
const (
	resealRows  = 200
	resealBytes = 4 << 20
)

// ErrOldKeyInUse is returned by [DropOldKeys] if a value is still sealed under an old key.
var ErrOldKeyInUse = errors.New("sealed: values are still sealed under an old key")

// Counts is the result of [Reseal].
type Counts struct {
	Resealed int // number of values that Reseal sealed under the current key
	Current  int // number of values that were under the current key before
}

// Reseal seals all values that are not sealed under the current key, in many small
// transactions. s must come from [New]. Other callers and other processes may use the store
// meanwhile. Reseal calls progress, which may be nil, after each transaction with the
// number of values done. If Reseal returns an error, the values done so far stay done. Call
// it again to continue.
func Reseal(ctx context.Context, s store.Store, progress func(done int)) (Counts, error) {
	var all Counts
	below, err := sealingOf(s)
	if err != nil {
		return all, err
	}
	if err := below.keys.askNow(ctx); err != nil {
		return all, err
	}
	current := below.keys.current().id
	for _, table := range below.tables() {
		for from, more := "", true; more; {
			var stale []store.Ref
			var seen int
			stale, seen, from, more, err = below.staleValues(ctx, table, from, current)
			if err != nil {
				return all, err
			}
			n, err := below.resealValues(ctx, stale, current)
			if err != nil {
				return all, err
			}
			all.Resealed += n
			all.Current += seen - len(stale)
			if progress != nil {
				progress(all.Resealed + all.Current)
			}
		}
	}
	return all, nil
}

func sealingOf(s store.Store) (*sealing, error) {
	below, ok := s.(interface{ self() *sealing })
	if !ok {
		return nil, errors.New("sealed: the store is not from sealed.New")
	}
	return below.self(), nil
}

func (s *sealing) self() *sealing { return s }

// tables returns the names of the sealed tables, in order.
func (s *sealing) tables() []string {
	var names []string
	for table := range s.secret {
		names = append(names, table)
	}
	slices.Sort(names)
	return names
}

// staleValues reads a part of a table that fits in one transaction. It returns the refs
// that are not under the current key, the number of values seen, and where to continue.
func (s *sealing) staleValues(ctx context.Context, table, from, current string) (stale []store.Ref, seen int, next string, more bool, err error) {
	err = s.inner.View(ctx, func(r store.Reader) error {
		stale, seen, next, more = nil, 0, from, false
		size := 0
		for e, err := range r.Scan(table, store.Range{From: from, Limit: resealRows}) {
			if err != nil {
				return err
			}
			doc, err := parseDocument(store.Ref{Table: table, Key: e.Key}, e.Value)
			if err != nil {
				return err
			}
			if doc.Key != current {
				stale = append(stale, store.Ref{Table: table, Key: e.Key})
			}
			seen++
			size += len(e.Value)
			next = e.Key + "\x00" // the least key after this one
			if more = seen == resealRows || size > resealBytes; more {
				return nil
			}
		}
		return nil
	})
	return stale, seen, next, more, err
}

// resealValues seals values again in one transaction. It reads them once more, because
// others may have written or deleted them since.
func (s *sealing) resealValues(ctx context.Context, refs []store.Ref, current string) (n int, err error) {
	if len(refs) == 0 {
		return 0, nil
	}
	err = s.inner.Update(ctx, func(tx store.Tx) error {
		n = 0
		values, err := tx.Get(refs...)
		if err != nil {
			return err
		}
		for i, ref := range refs {
			done, err := s.resealValue(ctx, tx, ref, values[i], current)
			if err != nil {
				return err
			}
			if done {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *sealing) resealValue(ctx context.Context, tx store.Tx, ref store.Ref, stored []byte, current string) (bool, error) {
	if stored == nil {
		return false, nil
	}
	doc, err := parseDocument(ref, stored)
	if err != nil || doc.Key == current {
		return false, err
	}
	value, err := s.unseal(ctx, ref, stored)
	if err != nil {
		return false, err
	}
	box, err := s.seal(ref, value)
	if err != nil {
		return false, err
	}
	return true, tx.Put(ref.Table, ref.Key, box)
}

// A KeyUse says how many values are sealed under a key.
type KeyUse struct {
	Key    string // an id that reveals nothing about the key
	Seals  bool   // reports whether the key seals new values
	Known  bool   // reports whether the store has the key
	Values int    // number of values sealed under the key
}

// Usage counts the values under each key. The first result is the key that seals, then come
// the other known keys, then the unknown ones. s must come from [New].
func Usage(ctx context.Context, s store.Store) ([]KeyUse, error) {
	below, err := sealingOf(s)
	if err != nil {
		return nil, err
	}
	if err := below.keys.askNow(ctx); err != nil {
		return nil, err
	}
	return below.usage(ctx, *below.keys.list.Load())
}

func (s *sealing) usage(ctx context.Context, known []key) (use []KeyUse, err error) {
	err = s.inner.View(ctx, func(r store.Reader) error {
		use = nil
		for i, k := range known {
			use = append(use, KeyUse{Key: k.id, Seals: i == 0, Known: true})
		}
		for _, table := range s.tables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				doc, err := parseDocument(store.Ref{Table: table, Key: e.Key}, e.Value)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(use, func(u KeyUse) bool { return u.Key == doc.Key })
				if i < 0 {
					i, use = len(use), append(use, KeyUse{Key: doc.Key})
				}
				use[i].Values++
			}
		}
		return nil
	})
	return use, err
}

// DropOldKeys removes all keys except the one that seals from the key file at path. It
// returns the number of keys removed. If a value of s is sealed under another key,
// DropOldKeys returns [ErrOldKeyInUse] and changes nothing. Call [Reseal] in that case.
//
// Other processes may seal values under the old key for up to a minute after
// [RotateKeyFile], until they notice the new key, see [KeysFrom]. Wait for that minute,
// call Reseal, and only then call DropOldKeys.
func DropOldKeys(ctx context.Context, s store.Store, path string) (dropped int, err error) {
	below, err := sealingOf(s)
	if err != nil {
		return 0, err
	}
	err = rewriteKeyFile(path, func(text string) (string, error) {
		known, err := parseKeys(text)
		if err != nil {
			return "", err
		}
		use, err := below.usage(ctx, known)
		if err != nil {
			return "", err
		}
		for _, u := range use {
			if !u.Seals && u.Values > 0 {
				return "", fmt.Errorf("%w: %d under %s", ErrOldKeyInUse, u.Values, u.Key)
			}
		}
		text, dropped = onlyFirstKey(text)
		return text, nil
	})
	if err != nil {
		return 0, err
	}
	return dropped, below.keys.askNow(ctx)
}

func onlyFirstKey(text string) (first string, dropped int) {
	var out strings.Builder
	keys := 0
	for line := range strings.Lines(text) {
		if !isComment(line) {
			keys++
		}
		if keys <= 1 || isComment(line) {
			out.WriteString(line)
		}
	}
	return out.String(), keys - 1
}
