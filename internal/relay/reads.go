package relay

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"iter"
	"maps"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// What a transaction has read is remembered as digests, and verified when it commits. So
// transactions are serializable: a commit succeeds only if the transaction would have read
// the same at that moment.

type (
	getRead struct {
		store.Ref
		Sum digest // zero if the key did not exist
	}
	scanRead struct {
		Table string
		Range store.Range // with the number of entries that were looked at as limit, if the loop ended early
		Sum   digest      // of the entries
	}
	digest [sha256.Size]byte
)

// A recorder is a reader that remembers what was read.
type recorder struct {
	store.Reader
	gets  map[store.Ref]digest
	scans []scanRead
}

func newRecorder(r store.Reader) *recorder { return &recorder{Reader: r, gets: map[store.Ref]digest{}} }

// Get implements [store.Reader].
func (r *recorder) Get(refs ...store.Ref) ([][]byte, error) {
	values, err := r.Reader.Get(refs...)
	if err != nil {
		return nil, err
	}
	for i, ref := range refs {
		r.gets[ref] = digestOf(values[i])
	}
	return values, nil
}

// Scan implements [store.Reader].
func (r *recorder) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		sum, n := sha256.New(), 0
		for e, err := range r.Reader.Scan(table, rng) {
			if err != nil {
				yield(e, err)
				return
			}
			addEntry(sum, e)
			n++
			if !yield(e, nil) {
				seen := rng
				seen.Limit = n
				r.scans = append(r.scans, scanRead{table, seen, digest(sum.Sum(nil))})
				return
			}
		}
		r.scans = append(r.scans, scanRead{table, rng, digest(sum.Sum(nil))})
	}
}

// reads returns what was read.
func (r *recorder) reads() (gets []getRead, scans []scanRead) {
	for ref, sum := range maps.All(r.gets) {
		gets = append(gets, getRead{ref, sum})
	}
	return gets, r.scans
}

// verifyReads returns errStale if a transaction would read something else now.
func verifyReads(r store.Reader, q *request) error {
	for part := range slices.Chunk(q.Gets, chunkEntries) {
		refs := make([]store.Ref, len(part))
		for i, g := range part {
			refs[i] = g.Ref
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for i, g := range part {
			if digestOf(values[i]) != g.Sum {
				return errStale
			}
		}
	}
	for _, s := range q.Scans {
		sum := sha256.New()
		for e, err := range r.Scan(s.Table, s.Range) {
			if err != nil {
				return err
			}
			addEntry(sum, e)
		}
		if digest(sum.Sum(nil)) != s.Sum {
			return errStale
		}
	}
	return nil
}

// digestOf returns the digest of a value, or zero for a key that does not exist.
func digestOf(value []byte) digest {
	if value == nil {
		return digest{}
	}
	return sha256.Sum256(value)
}

func addEntry(sum hash.Hash, e store.Entry) {
	for _, part := range []string{e.Key, string(e.Value)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		sum.Write(size[:])
		sum.Write([]byte(part))
	}
}
