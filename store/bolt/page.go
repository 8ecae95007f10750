package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/cognate-id/cognate/store"
)

// The layout of a bbolt file. [Store.Check] trusts none of its numbers. bbolt itself
// follows the numbers in a page without checking them, so a damaged file can make it read
// anywhere.
const (
	pageHeader  = 16
	elementSize = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64 // after the page header

	bucketHeader = 16 // root page and sequence
	bucketFlag   = 0x01
)

var native = binary.NativeEndian

// A page is the bytes of one page and of its overflow pages.
type page []byte

func (p page) flags() uint16    { return native.Uint16(p[8:]) }
func (p page) count() int       { return int(native.Uint16(p[10:])) }
func (p page) overflow() uint64 { return uint64(native.Uint32(p[12:])) }

// An element is an element of a branch or a leaf page.
type element struct {
	key, value []byte
	bucket     bool
	child      uint64
}

// elements returns the elements of a branch or a leaf page. It reuses the space of out.
func (p page) elements(out []element) ([]element, error) {
	n := p.count()
	if pageHeader+n*elementSize > len(p) {
		return nil, fmt.Errorf("%d elements do not fit", n)
	}
	out = append(out[:0], make([]element, n)...)
	for i := range out {
		at := pageHeader + i*elementSize
		head := p[at:]
		var pos, keySize, valueSize uint64
		if p.flags() == branchPage {
			pos, keySize = uint64(native.Uint32(head)), uint64(native.Uint32(head[4:]))
			out[i].child = native.Uint64(head[8:])
		} else {
			pos, keySize, valueSize = uint64(native.Uint32(head[4:])), uint64(native.Uint32(head[8:])), uint64(native.Uint32(head[12:]))
			out[i].bucket = native.Uint32(head)&bucketFlag != 0
		}
		from := uint64(at) + pos
		if from+keySize+valueSize > uint64(len(p)) {
			return nil, fmt.Errorf("element %d lies outside of it", i)
		}
		out[i].key = p[from : from+keySize]
		out[i].value = p[from+keySize : from+keySize+valueSize]
	}
	return out, nil
}

// freeIDs returns the pages that a freelist page lists.
func (p page) freeIDs() ([]uint64, error) {
	n, ids := uint64(p.count()), p[pageHeader:]
	if n == 0xffff && len(ids) >= 8 {
		n, ids = native.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids))/8 {
		return nil, fmt.Errorf("%d free pages do not fit", n)
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = native.Uint64(ids[i*8:])
	}
	return out, nil
}

// A meta is the root record of one state of the file.
type meta struct {
	root, sum  uint64 // root page of the bucket that holds the buckets, and checksum of the record
	freelist   uint64
	pages, txn uint64
}

func parseMeta(p page) (meta, error) {
	if len(p) < pageHeader+metaSize {
		return meta{}, fmt.Errorf("%w: a root record is truncated", store.ErrCorrupt)
	}
	b := p[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	if native.Uint32(b) != metaMagic || native.Uint32(b[4:]) != metaVersion || native.Uint64(b[metaSize-8:]) != sum.Sum64() {
		return meta{}, fmt.Errorf("%w: a root record is damaged", store.ErrCorrupt)
	}
	return meta{
		root: native.Uint64(b[16:]), sum: native.Uint64(b[24:]), freelist: native.Uint64(b[32:]),
		pages: native.Uint64(b[40:]), txn: native.Uint64(b[48:]),
	}, nil
}
