package bolt

import (
	"math"
	"runtime/debug"
)

// bbolt keeps a list of the free pages and writes the whole list with each commit. The list
// is long after a bulk load out of order, after many deletions, and after a View that took
// long while others wrote. A long list costs far more than the rest of a commit: 10 ms for
// 25,000 pages.
//
// The list is not necessary, because a page is free if nothing refers to it. So after the
// first commit that finds a long list, later commits do not write the list until Close.
// Without a list, Open must read the whole file after a crash, and so must bbolt after a
// failed commit. A failed commit is rare then, because there is so much free space in the
// file. A short list is written with each commit, so that Open is quick after a crash too.

// maxListed is the longest list of free pages that is written with each commit. A commit
// with such a list takes at most about twice as long as with an empty list.
const maxListed = 2048

// noFreelist replaces the page of the list in a root record if the list was not written.
const noFreelist = math.MaxUint64

// listed reports whether the list of free pages was written.
func (m meta) listed() bool { return m.freelist != noFreelist }

// weighFreelist reads the length of the list that a commit has written, and stops writing
// the list if it is long.
func (s *Store) weighFreelist(txn int) {
	if s.db.NoFreelistSync {
		return
	}
	c := s.checker()
	m, err := c.meta(uint64(txn))
	if err != nil {
		return // the next read of the file returns the error
	}
	head := make(page, pageHeader)
	if _, err := c.file.ReadAt(head, int64(m.freelist)*c.pageSize); err != nil {
		return
	}
	s.db.NoFreelistSync = head.count() > s.maxListed
}

// writeFreelist writes the list if it was left out. It ignores errors, such as a full disk,
// because the file is consistent without the list.
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
