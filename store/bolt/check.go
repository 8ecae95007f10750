package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/cognate-id/cognate/store"
)

// Check opens a read transaction, so the pages it looks at are not reused. It reads both
// root records, then walks the tree of buckets from the current root record and marks each
// page it sees. Each value is compared with its checksum and each table with its sum. At
// the end the pages that nothing refers to must be exactly the free pages.

// Check reads the whole file, as it is when the call begins. It returns [store.ErrCorrupt]
// if a page is out of place, a value does not match its checksum, or a table is not
// complete. Other calls may run at the same time. Check reads about a gigabyte a second.
func (s *Store) Check(ctx context.Context) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.begin(false) // its pages are not reused while it is open
	if err != nil {
		return err
	}
	defer tx.Rollback()
	c := s.checker()
	c.ctx = ctx
	if err := c.run(uint64(tx.ID())); err != nil {
		return fmt.Errorf("check %s: %w", s.path, err)
	}
	return nil
}

// readAhead asks the system to read the file in order, unless the file is in memory.
// Reading in order is several times as fast as fetching each page when it is needed.
func (c *checker) readAhead(size int64) error {
	buf := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(buf)) {
		if _, err := c.file.ReadAt(buf, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// A checker walks the pages of a file.
type checker struct {
	ctx      context.Context
	file     *os.File
	pageSize int64
	seen     []bool // pages that are referred to, including the free ones
	depth    int    // depth of the current page
	levels   []level
}

// A level is the buffer for a page at one depth. The next page at that depth reuses it,
// since a file has too many pages for a buffer each.
type level struct {
	page     page
	elements []element
}

func (c *checker) level() *level {
	for c.depth >= len(c.levels) {
		c.levels = append(c.levels, level{})
	}
	return &c.levels[c.depth]
}

// read reads a number of consecutive pages.
func (c *checker) read(id, pages uint64) (page, error) {
	l, size := c.level(), int64(pages)*c.pageSize
	if int64(len(l.page)) < size {
		l.page = make(page, size)
	}
	p := l.page[:size]
	_, err := c.file.ReadAt(p, int64(id)*c.pageSize)
	return p, err
}

// checker returns a new checker of the file.
func (s *Store) checker() *checker {
	return &checker{ctx: context.Background(), file: s.file, pageSize: int64(s.db.Info().PageSize)}
}

func (c *checker) run(txn uint64) error {
	m, err := c.meta(txn)
	if err != nil {
		return err
	}
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	if m.pages < 2 || m.pages > uint64(info.Size()/c.pageSize) {
		return fmt.Errorf("%w: the file should have %d pages", store.ErrCorrupt, m.pages)
	}
	c.seen = make([]bool, m.pages)
	c.seen[0], c.seen[1] = true, true
	if !m.listed() {
		return c.buckets(m.root) // pages that are not visited are free
	}
	if err := c.free(m.freelist); err != nil {
		return err
	}
	if err := c.buckets(m.root); err != nil {
		return err
	}
	for id, seen := range c.seen {
		if !seen {
			return c.corrupt(uint64(id), "nothing refers to it")
		}
	}
	return nil
}

// meta returns the root record of a transaction. Transactions use the two root records in
// turn.
func (c *checker) meta(txn uint64) (meta, error) {
	for at := range int64(2) {
		if m, err := c.metaAt(at); err == nil && m.txn == txn {
			return m, nil
		}
	}
	return meta{}, fmt.Errorf("%w: no root record of transaction %d", store.ErrCorrupt, txn)
}

func (c *checker) metaAt(id int64) (meta, error) {
	p := make(page, pageHeader+metaSize)
	if _, err := c.file.ReadAt(p, id*c.pageSize); err != nil {
		return meta{}, err
	}
	return parseMeta(p)
}

// roots verifies both root records. bbolt itself accepts a file with one valid root record,
// but that may be the older one, and then the last transaction is silently lost. A crash
// does not damage a root record, since each lies within one sector.
func (c *checker) roots() error {
	for at := range int64(2) {
		if _, err := c.metaAt(at); err != nil {
			return fmt.Errorf("%w; the last transaction may be lost, see Options.AcceptLoss", err)
		}
	}
	return nil
}

func (c *checker) corrupt(id uint64, why string) error {
	return fmt.Errorf("%w: page %d: %s", store.ErrCorrupt, id, why)
}

// page reads a page, which must not have been visited before.
func (c *checker) page(id uint64, flags ...uint16) (page, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.mark(id); err != nil {
		return nil, err
	}
	p, err := c.read(id, 1)
	if err != nil {
		return nil, err
	}
	if native.Uint64(p) != id {
		return nil, c.corrupt(id, "it has the number of another")
	}
	ok := false
	for _, f := range flags {
		ok = ok || p.flags() == f
	}
	if !ok {
		return nil, c.corrupt(id, "it is not of the kind that it should be")
	}
	return c.withOverflow(id, p)
}

func (c *checker) withOverflow(id uint64, p page) (page, error) {
	more := p.overflow()
	if more == 0 {
		return p, nil
	}
	if more >= uint64(len(c.seen)) {
		return nil, c.corrupt(id, "it is larger than the file")
	}
	for n := range more {
		if err := c.mark(id + 1 + n); err != nil {
			return nil, err
		}
	}
	return c.read(id, more+1)
}

func (c *checker) mark(id uint64) error {
	if id >= uint64(len(c.seen)) {
		return c.corrupt(id, "it lies outside of the file")
	}
	if c.seen[id] {
		return c.corrupt(id, "it is used twice")
	}
	c.seen[id] = true
	return nil
}

func (c *checker) free(id uint64) error {
	p, err := c.page(id, freelistPage)
	if err != nil {
		return err
	}
	ids, err := p.freeIDs()
	if err != nil {
		return c.corrupt(id, err.Error())
	}
	for _, free := range ids {
		if err := c.mark(free); err != nil {
			return err
		}
	}
	return nil
}

// buckets checks the tree of buckets and each bucket.
func (c *checker) buckets(root uint64) error {
	return c.tree(root, bounds{}, func(e element) error {
		if !e.bucket || len(e.value) < bucketHeader {
			return fmt.Errorf("%w: %q is not a table", store.ErrCorrupt, e.key)
		}
		t := tableCheck{name: string(e.key)}
		if err := c.bucket(e.value, t.entry(c)); err != nil {
			return fmt.Errorf("table %q: %w", e.key, err)
		}
		if want := native.Uint64(e.value[8:]); t.total != want {
			return fmt.Errorf("%w: table %q: entries are missing or surplus", store.ErrCorrupt, e.key)
		}
		return nil
	})
}

// bucket checks the entries of a bucket. A small bucket has no pages of its own; bbolt
// stores it inline.
func (c *checker) bucket(head []byte, entry func(element) error) error {
	c.depth++
	defer func() { c.depth-- }()
	if root := native.Uint64(head); root != 0 {
		return c.tree(root, bounds{}, entry)
	}
	p := page(head[bucketHeader:])
	if len(p) < pageHeader || p.flags() != leafPage {
		return fmt.Errorf("%w: it is truncated", store.ErrCorrupt)
	}
	return c.leaf(0, p, bounds{}, entry)
}

type tableCheck struct {
	name  string
	total uint64
}

func (t *tableCheck) entry(c *checker) func(element) error {
	return func(e element) error {
		if e.bucket {
			return fmt.Errorf("%w: a bucket in a table", store.ErrCorrupt)
		}
		_, err := unseal(t.name, e.key, e.value)
		t.total += storedSum(e.value)
		return err
	}
}

// bounds are the limits of the keys in a page. A nil limit means no limit.
type bounds struct{ from, to []byte }

func (b bounds) hold(key []byte) bool {
	return (b.from == nil || string(key) >= string(b.from)) && (b.to == nil || string(key) < string(b.to))
}

// tree checks the pages of a bucket below page id and calls entry with each entry.
func (c *checker) tree(id uint64, b bounds, entry func(element) error) error {
	p, err := c.page(id, branchPage, leafPage)
	if err != nil {
		return err
	}
	if p.flags() == leafPage {
		return c.leaf(id, p, b, entry)
	}
	elements, err := c.ordered(id, p, b)
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		return c.corrupt(id, "it is empty")
	}
	for i, e := range elements {
		below := b
		if i > 0 {
			below.from = e.key
		}
		if i+1 < len(elements) {
			below.to = elements[i+1].key
		}
		if err := c.below(e.child, below, entry); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) below(id uint64, b bounds, entry func(element) error) error {
	c.depth++
	defer func() { c.depth-- }()
	return c.tree(id, b, entry)
}

func (c *checker) leaf(id uint64, p page, b bounds, entry func(element) error) error {
	elements, err := c.ordered(id, p, b)
	if err != nil {
		return err
	}
	for _, e := range elements {
		if err := entry(e); err != nil {
			return err
		}
	}
	return nil
}

// ordered decodes a page and verifies the order and the bounds of its keys.
func (c *checker) ordered(id uint64, p page, b bounds) ([]element, error) {
	l := c.level()
	elements, err := p.elements(l.elements)
	if err != nil {
		return nil, c.corrupt(id, err.Error())
	}
	l.elements = elements
	for i, e := range elements {
		if !b.hold(e.key) || i > 0 && string(e.key) <= string(elements[i-1].key) {
			return nil, c.corrupt(id, "its keys are out of order")
		}
	}
	return elements, nil
}
