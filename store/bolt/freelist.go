package bolt

import (
	"math"
	"runtime/debug"
)

// bbolt keeps a list of the pages that are free and writes the whole of it
// with each commit. It is long after a bulk load in no order, after many
// records were deleted, after a View that took long while others wrote; then
// it costs far more than all else in a commit: 10 ms for 25,000 pages, each
// time. But it can be done without, since a page is free that nothing refers
// to. So the first commit that finds the list to be long is the last to write
// it until Close. After a crash Open makes the list anew, for which it has to
// read the file; so has bbolt when a commit fails, which is rare while there is
// so much to write to without a larger file. While the list is short, it is
// written each time, and Open is quick after a crash too.

// maxListed is how many pages a list may hold that is written with each
// commit. A commit then takes at most about twice as long as with an empty one.
const maxListed = 2048

// noFreelist stands in a root record in place of the page of the list.
const noFreelist = math.MaxUint64

// listed reports whether the list of free pages was written.
func (m meta) listed() bool { return m.freelist != noFreelist }

// weighFreelist looks at the list that a commit has written.
func (s *Store) weighFreelist(txn int) {
	if s.db.NoFreelistSync {
		return
	}
	c := s.checker()
	m, err := c.meta(uint64(txn))
	if err != nil {
		return // whoever reads the file next will find out
	}
	head := make(page, pageHeader)
	if _, err := c.file.ReadAt(head, int64(m.freelist)*c.pageSize); err != nil {
		return
	}
	s.db.NoFreelistSync = head.count() > s.maxListed
}

// writeFreelist writes the list if it was left out. Where that fails, on a full
// disk, the file is whole all the same, so there is nothing to tell.
func (s *Store) writeFreelist() {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if s.settle() != nil {
		return
	}
	tx, err := s.begin(true)
	if err != nil {
		return
	}
	if m, err := s.checker().meta(uint64(tx.ID() - 1)); err != nil || m.listed() {
		_ = tx.Rollback()
		return
	}
	s.db.NoFreelistSync = false
	defer s.giveUp(&err)
	_ = tx.Commit()
}
