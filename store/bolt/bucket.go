package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"unsafe"

	"github.com/cognate-id/cognate/store"
	"go.etcd.io/bbolt"
)

// sumSize is the size of the checksum behind each stored value. The checksum covers table,
// key and value.
const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(table string, key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, raw(table))
	sum = crc32.Update(sum, castagnoli, []byte{0})
	sum = crc32.Update(sum, castagnoli, key)
	sum = crc32.Update(sum, castagnoli, []byte{0})
	return crc32.Update(sum, castagnoli, value)
}

// raw returns the bytes of s without a copy. The caller must not change them.
func raw(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// seal returns the value followed by its checksum.
func seal(table string, key, value []byte) []byte {
	out := make([]byte, 0, len(value)+sumSize)
	out = append(out, value...)
	return binary.BigEndian.AppendUint32(out, checksum(table, key, value))
}

// unseal verifies the checksum of a stored value and returns the value without the
// checksum. It does not copy.
func unseal(table string, key, stored []byte) ([]byte, error) {
	n := len(stored) - sumSize
	if n <= 0 || checksum(table, key, stored[:n]) != binary.BigEndian.Uint32(stored[n:]) {
		return nil, fmt.Errorf("%w: %s: a value does not match its checksum", store.ErrCorrupt, table)
	}
	return stored[:n:n], nil
}

// storedSum returns the checksum behind a stored value.
func storedSum(stored []byte) uint64 {
	if len(stored) < sumSize {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(stored[len(stored)-sumSize:]))
}

// A bucket is a table that is being written. The sum of the checksums of all its entries is
// stored as the sequence number of the bbolt bucket, which bbolt writes anyway. The sum
// reveals a lost or a surplus entry.
type bucket struct {
	*bbolt.Bucket
	name  string
	total uint64
}

func openBucket(tx *bbolt.Tx, table string) (bucket, error) {
	b, err := tx.CreateBucketIfNotExists(raw(table))
	if err != nil {
		return bucket{}, err
	}
	return bucket{b, table, b.Sequence()}, nil
}

// write puts a value, or deletes the key if value is nil.
func (b *bucket) write(name string, value []byte) error {
	key := raw(name)
	old := b.Get(key)
	b.total -= storedSum(old)
	if value == nil {
		return b.Delete(key)
	}
	stored := seal(b.name, key, value)
	b.total += storedSum(stored)
	return b.Put(key, stored)
}

// flush stores the sum. It does nothing on the zero bucket.
func (b *bucket) flush() error {
	if b.Bucket == nil || b.total == b.Sequence() {
		return nil
	}
	return b.SetSequence(b.total)
}
