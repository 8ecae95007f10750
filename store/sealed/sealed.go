// Package sealed encrypts the values of the secret tables of a store, above any driver. A
// table is secret if store.Table.Secret is set.
//
// Begin with [OpenKeyFile] and [New]. Each value is encrypted whole with AES-256-GCM and
// bound to its table and key. So it cannot be read, altered, or moved to another place. The
// stored value is a JSON document that names the key:
//
//	{"key": "d2a84f4b8b650937", "sealed": "Base64 of nonce and ciphertext"}
//
// Keys come from a file, from the environment ([KeysFromEnv]), or from a function
// ([KeysFrom]). To change the key while stores are open, call [RotateKeyFile], wait a
// minute, call [Reseal], and then [DropOldKeys].
//
// # Caveats
//
//   - Without the key file the sealed records are lost. Keep a copy of the key file, apart
//     from the copies of the store.
//   - The keys of sealed tables and the entries of their indexes are not encrypted. The
//     size of a value is not hidden.
//   - The package does not detect that an older value of the same record was put back.
//   - Base64 makes a value longer by a third. The largest value of a sealed table has about
//     780,000 bytes.
package sealed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// ErrWrongKey is returned for a value that was sealed under an unknown key, after the
// source of the keys was asked again.
var ErrWrongKey = errors.New("sealed: sealed under a key that is not among those given")

// New returns a store that keeps its data in inner and encrypts the values of the tables
// that the catalog marks as Secret. Give New the catalog that the engine gets: an engine
// returns [store.ErrUnsealed] if a store leaves one of its secret tables in clear text. If
// the catalog is invalid, the first call of the store returns the error.
//
// The store is a [store.Sealer]. It is a [store.Forker] and a [store.BulkLoader] if inner
// is. Closing the store closes inner.
func New(inner store.Store, keys Keys, tables store.Catalog) store.Store {
	s := &sealing{inner: inner, keys: keys.ring, secret: make(map[string]bool), invalid: tables.Err()}
	for _, table := range tables.SecretTables() {
		s.secret[table] = true
	}
	return s.withPowers()
}

type sealing struct {
	inner   store.Store
	keys    *ring
	secret  map[string]bool
	invalid error // the error of an invalid catalog, or nil
}

// Seals implements [store.Sealer].
func (s *sealing) Seals(table string) bool { return s.secret[table] }

// withPowers returns s with the optional interfaces that inner has.
func (s *sealing) withPowers() store.Store {
	f, forks := s.inner.(store.Forker)
	l, loads := s.inner.(store.BulkLoader)
	switch {
	case forks && loads:
		return struct {
			*sealing
			forker
			loader
		}{s, forker{s, f}, loader{s, l}}
	case forks:
		return struct {
			*sealing
			forker
		}{s, forker{s, f}}
	case loads:
		return struct {
			*sealing
			loader
		}{s, loader{s, l}}
	default:
		return s
	}
}

type forker struct {
	above *sealing
	inner store.Forker
}

// Fork implements [store.Forker]. The fork has the same keys.
func (f forker) Fork() (store.Store, error) {
	inner, err := f.inner.Fork()
	if err != nil {
		return nil, err
	}
	fork := *f.above
	fork.inner = inner
	return fork.withPowers(), nil
}

type loader struct {
	above *sealing
	inner store.BulkLoader
}

// BulkLoad implements [store.BulkLoader].
func (l loader) BulkLoad(ctx context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	if l.above.invalid != nil {
		return l.above.invalid
	}
	l.above.keys.freshen(ctx)
	var failed error
	err := l.inner.BulkLoad(ctx, func(yield func(store.Ref, []byte) bool) {
		for ref, value := range entries {
			value, err := l.above.seal(ref, value)
			if err != nil {
				failed = err
				return
			}
			if !yield(ref, value) {
				return
			}
		}
	})
	return errors.Join(failed, err)
}

// View implements [store.Store].
func (s *sealing) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.invalid != nil {
		return s.invalid
	}
	return s.inner.View(ctx, func(r store.Reader) error { return fn(reader{s, ctx, r}) })
}

// Update implements [store.Store].
func (s *sealing) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.invalid != nil {
		return s.invalid
	}
	s.keys.freshen(ctx)
	return s.inner.Update(ctx, func(inner store.Tx) error {
		tx := &transaction{inner: inner, reader: reader{s, ctx, inner}}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.err
	})
}

// Close implements [store.Store].
func (s *sealing) Close() error { return s.inner.Close() }

// A document is the stored form of a sealed value.
type document struct {
	Key    string `json:"key"`
	Sealed []byte `json:"sealed"`
}

func parseDocument(ref store.Ref, stored []byte) (document, error) {
	var doc document
	if err := json.Unmarshal(stored, &doc); err != nil || doc.Key == "" || len(doc.Sealed) == 0 {
		return document{}, fmt.Errorf("%w: the value of %q in %s is not sealed", store.ErrCorrupt, ref.Key, ref.Table)
	}
	return doc, nil
}

// seal returns the stored form of a value.
func (s *sealing) seal(ref store.Ref, value []byte) ([]byte, error) {
	if !s.secret[ref.Table] {
		return value, nil
	}
	if err := driver.Check(ref, value); err != nil {
		return nil, err
	}
	k := s.keys.current()
	box := k.aead.Seal(nil, nil, value, additional(ref))
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(box))+len(k.id)+24)
	out = append(out, `{"key":"`...)
	out = append(out, k.id...)
	out = append(out, `","sealed":"`...)
	out = base64.StdEncoding.AppendEncode(out, box)
	return append(out, `"}`...), nil
}

// unseal is the inverse of seal. A nil value stays nil.
func (s *sealing) unseal(ctx context.Context, ref store.Ref, stored []byte) ([]byte, error) {
	if stored == nil || !s.secret[ref.Table] {
		return stored, nil
	}
	doc, err := parseDocument(ref, stored)
	if err != nil {
		return nil, err
	}
	k, err := s.keys.find(ctx, doc.Key)
	if err != nil {
		return nil, fmt.Errorf("a value in %s: %w", ref.Table, err)
	}
	value, err := k.aead.Open(nil, nil, doc.Sealed, additional(ref))
	if err != nil {
		return nil, fmt.Errorf("%w: the sealed value of %q in %s was altered or moved", store.ErrCorrupt, ref.Key, ref.Table)
	}
	return value, nil
}

// additional returns the data that a sealed value is bound to. The name of a table has no
// zero byte, so table and key do not run into each other.
func additional(ref store.Ref) []byte { return []byte(ref.Table + "\x00" + ref.Key) }

type reader struct {
	*sealing
	ctx   context.Context // the context of the transaction
	inner store.Reader
}

func (r reader) Get(refs ...store.Ref) ([][]byte, error) {
	stored, err := r.inner.Get(refs...)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(stored))
	for i, ref := range refs {
		if values[i], err = r.unseal(r.ctx, ref, stored[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// GetFollowing implements [store.Follower].
func (r reader) GetFollowing(refs []store.Ref, follow []store.Follow) ([][]byte, []store.Entry, error) {
	values, followed, err := store.GetFollowing(r.inner, refs, follow)
	if err != nil {
		return nil, nil, err
	}
	for i, ref := range refs {
		if values[i], err = r.unseal(r.ctx, ref, values[i]); err != nil {
			return nil, nil, err
		}
	}
	for i, f := range follow {
		e := &followed[i]
		if e.Value, err = r.unseal(r.ctx, store.Ref{Table: f.Table, Key: e.Key}, e.Value); err != nil {
			return nil, nil, err
		}
	}
	return values, followed, nil
}

func (r reader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	seq := r.inner.Scan(table, rng)
	if !r.secret[table] {
		return seq
	}
	return func(yield func(store.Entry, error) bool) {
		for e, err := range seq {
			if err == nil {
				e.Value, err = r.unseal(r.ctx, store.Ref{Table: table, Key: e.Key}, e.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A transaction remembers the first statement that failed, because the driver below does
// not see the statements that fail here.
type transaction struct {
	reader
	inner store.Tx
	err   error
}

func (t *transaction) Get(refs ...store.Ref) ([][]byte, error) {
	if t.err != nil {
		return nil, t.err
	}
	values, err := t.reader.Get(refs...)
	return values, t.remember(err)
}

func (t *transaction) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		if t.err != nil {
			yield(store.Entry{}, t.err)
			return
		}
		for e, err := range t.reader.Scan(table, rng) {
			if !yield(e, t.remember(err)) || err != nil {
				return
			}
		}
	}
}

func (t *transaction) Insert(table, key string, value []byte) error {
	return t.write(table, key, value, t.inner.Insert)
}

func (t *transaction) Put(table, key string, value []byte) error {
	return t.write(table, key, value, t.inner.Put)
}

func (t *transaction) write(table, key string, value []byte, write func(table, key string, value []byte) error) error {
	if t.err != nil {
		return t.err
	}
	value, err := t.seal(store.Ref{Table: table, Key: key}, value)
	if err != nil {
		return t.remember(err)
	}
	return t.remember(write(table, key, value))
}

func (t *transaction) Delete(table, key string) error {
	if t.err != nil {
		return t.err
	}
	return t.remember(t.inner.Delete(table, key))
}

func (t *transaction) remember(err error) error {
	if t.err == nil {
		t.err = err
	}
	return err
}
