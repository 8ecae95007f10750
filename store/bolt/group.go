package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"go.etcd.io/bbolt"
)

// An Update waits for its turn, joins the open group or opens one, and calls its function
// with an overlay. If the function succeeds, the writes of the overlay go to the bbolt
// transaction of the group. The last Update in the queue commits the group: one flush for
// all members. All members then return the outcome of that commit.

// A group is one transaction of bbolt that several Updates share. They also share its flush
// to the disk, which takes most of the time. The members enter one after another, each on
// its own goroutine and with its own overlay, which is applied only if the function
// succeeds. A member commits the group if no other Update is waiting. So a single writer
// does not wait for others.
type group struct {
	tx      *bbolt.Tx
	opened  time.Time
	members int           // number of Updates that were applied
	bytes   int           // number of bytes that they wrote
	failed  error         // set if an overlay was applied only in part
	done    chan struct{} // closed when the outcome is known
	err     error         // the outcome
}

// A group that reaches one of these limits is committed even if others wait.
const (
	maxMembers = 256
	maxBytes   = 4 << 20
	maxOpen    = 20 * time.Millisecond
)

func (g *group) full() bool {
	return g.members >= maxMembers || g.bytes >= maxBytes || g.failed != nil || time.Since(g.opened) >= maxOpen
}

// Update implements [store.Store]. It calls fn once. If ctx is done before the caller has
// its turn, or before fn returns, nothing is written.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	g, err := s.join(ctx)
	if err != nil {
		return err
	}
	// Deferred, because fn may panic or end its goroutine, and the other members must go on.
	defer func() {
		if outcome := s.leave(g); outcome != nil {
			err = outcome
		}
	}()
	return s.attempt(ctx, g, fn)
}

// join waits for the turn and returns the open group. If there is none, join opens one.
func (s *Store) join(ctx context.Context) (*group, error) {
	if err := s.turns.take(ctx); err != nil {
		return nil, err
	}
	if s.group != nil {
		return s.group, nil
	}
	if err := s.stuck.Load(); err != nil {
		s.turns.release()
		return nil, *err
	}
	if err := s.settle(); err != nil {
		s.turns.release()
		return nil, s.writeError(err)
	}
	tx, err := s.begin(true)
	if err != nil {
		s.turns.release()
		return nil, err
	}
	s.group = &group{tx: tx, opened: time.Now(), done: make(chan struct{})}
	return s.group, nil
}

// attempt calls fn and applies its writes.
func (s *Store) attempt(ctx context.Context, g *group, fn func(store.Tx) error) error {
	tx := driver.NewOverlay(reader{ctx, g.tx})
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Err(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.Size() == 0 {
		return nil
	}
	g.members++
	g.bytes += tx.Size()
	g.failed = apply(g.tx, tx.Writes(), bbolt.DefaultFillPercent)
	return g.failed
}

// leave gives up the turn and returns the outcome of the group. It does not wait if nothing
// was written in the group. Otherwise members that wrote nothing wait too, because they may
// have read writes that are not committed yet.
func (s *Store) leave(g *group) error {
	written := g.members > 0
	if !g.full() && s.handOver(g) {
		if !written {
			return nil
		}
		<-g.done
		return g.err
	}
	s.group = nil
	g.err = s.finish(g)
	close(g.done)
	s.turns.release()
	return g.err
}

// handOver gives the turn to the next in the queue. After a group of several, other writers
// are probably about to enter the queue, so handOver lets them run first. That costs
// nothing if there are none.
func (s *Store) handOver(g *group) bool {
	if g.members > 0 && !s.turns.waiting() {
		runtime.Gosched()
	}
	return s.turns.next()
}

// finish commits or rolls back the transaction of a group.
func (s *Store) finish(g *group) (err error) {
	defer s.giveUp(&err)
	if g.failed != nil || g.members == 0 {
		g.tx.Rollback()
		return g.failed
	}
	id := g.tx.ID()
	if err := g.tx.Commit(); err != nil {
		return s.explain(id, err)
	}
	s.weighFreelist(id)
	return nil
}

// writeError names the file once: errors of the system name it too.
func (s *Store) writeError(cause error) error {
	if pathError, ok := errors.AsType[*fs.PathError](cause); ok && pathError.Path == s.path {
		cause = pathError.Err
	}
	return fmt.Errorf("write %s: %w", s.path, cause)
}

// explain returns [store.ErrUnknownOutcome] if a failed commit may have taken place all the
// same. That is so if its root record is in the file although the flush failed.
func (s *Store) explain(id int, cause error) error {
	err := s.writeError(cause)
	tx, beginErr := s.db.Begin(false)
	if beginErr != nil {
		return errors.Join(store.ErrUnknownOutcome, err)
	}
	defer tx.Rollback()
	if tx.ID() >= id {
		s.unsettled = true
		return fmt.Errorf("%w: %w", store.ErrUnknownOutcome, err)
	}
	return err
}

// settle writes the current root records again and flushes them.
//
// After a failed flush, the system may treat a root record as written although it is not on
// the disk, and not flush it again. The next transaction would reuse pages that only the
// transaction before needs, which may still be the last one on the disk. A power failure
// would then leave a damaged file. A process that was restarted cannot know whether the
// previous process ended like this.
func (s *Store) settle() error {
	if !s.unsettled {
		return nil
	}
	if !s.db.NoSync {
		roots := make([]byte, 2*s.db.Info().PageSize)
		if _, err := s.file.ReadAt(roots, 0); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(roots, 0); err != nil {
			return err
		}
		if err := s.file.Sync(); err != nil {
			return err
		}
	}
	s.unsettled = false
	return nil
}

// apply writes to the buckets of bbolt, one for each table. fill is how full to make pages
// whose entries come after all others in a bucket. An error means that the file is damaged,
// and that the transaction must be rolled back.
func apply(tx *bbolt.Tx, writes iter.Seq[driver.Write], fill float64) (err error) {
	defer catch(&err)
	var b bucket
	for w := range writes {
		if b.name != w.Table {
			if err := b.flush(); err != nil {
				return err
			}
			if b, err = openBucket(tx, w.Table); err != nil {
				return err
			}
			if last, _ := b.Cursor().Last(); string(last) < w.Key {
				b.FillPercent = fill
			}
		}
		if err := b.write(w.Key, w.Value); err != nil {
			return err
		}
	}
	return b.flush()
}
