package relay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cognate-id/cognate/store"
)

// The bounds of one reply to opScan. A reply may exceed chunkBytes by one entry.
const (
	chunkEntries = 500
	chunkBytes   = 512 << 10
)

// errStale rolls a commit back whose reads have changed.
var errStale = errors.New("relay: what the transaction read has changed")

// ServeStore answers requests until the client closes the connection, and returns nil then.
// Close the connection to end it. A client that keeps a snapshot and asks nothing for a
// minute is cut off. Clients never hold up writers: see commit.
func (c *Conn) ServeStore(ctx context.Context, s store.Store) error {
	for {
		var q request
		if err := c.receive(&q, 0); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var err error
		switch q.Op {
		case opView:
			err = c.view(ctx, s)
		case opCommit:
			err = c.send(commit(ctx, s, &q))
		case opGet, opScan, opEnd:
			err = c.send(failure(errors.New("relay: no snapshot is open")))
		default:
			return fmt.Errorf("relay: unknown request %d", q.Op)
		}
		if err != nil {
			return err
		}
	}
}

// view answers requests from one snapshot until opEnd.
func (c *Conn) view(ctx context.Context, s store.Store) error {
	began := false
	var broken error
	err := s.View(ctx, func(r store.Reader) error {
		began = true
		broken = c.read(r)
		return nil
	})
	switch {
	case broken != nil:
		return broken
	case err != nil && !began:
		return c.send(failure(err))
	case err != nil:
		return err
	}
	return c.send(&reply{}) // of opEnd
}

func (c *Conn) read(r store.Reader) error {
	out := &reply{} // of opView
	for {
		if err := c.send(out); err != nil {
			return err
		}
		var q request
		if err := c.receive(&q, patience); err != nil {
			return err
		}
		switch q.Op {
		case opGet:
			out = get(r, &q)
		case opScan:
			out = scan(r, &q)
		case opEnd:
			return nil
		case opView, opCommit:
			return errors.New("relay: a snapshot is open")
		default:
			return fmt.Errorf("relay: unknown request %d", q.Op)
		}
	}
}

func get(r store.Reader, q *request) *reply {
	values, err := r.Get(q.Refs...)
	if err != nil {
		return failure(err)
	}
	return &reply{Values: values}
}

// scan returns the first entries of a range, as many as fit into a reply.
func scan(r store.Reader, q *request) *reply {
	out, size := &reply{}, 0
	for e, err := range r.Scan(q.Table, q.Range) {
		if err != nil {
			return failure(err)
		}
		if len(out.Entries) == chunkEntries || size >= chunkBytes {
			out.More = true
			return out
		}
		out.Entries = append(out.Entries, e)
		size += len(e.Key) + len(e.Value)
	}
	return out
}

// commit makes the writes of a transaction if all that it read is still the same. The
// transaction itself ran in the other process, on a snapshot. So a slow or suspended client
// never has the turn of a writer.
func commit(ctx context.Context, s store.Store, q *request) *reply {
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := verifyReads(tx, q); err != nil {
			return err
		}
		for _, w := range q.Writes {
			if err := w.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errStale):
		return &reply{Stale: true}
	case err != nil:
		return failure(err)
	}
	return &reply{}
}

func (w *writeEntry) apply(tx store.Tx) error {
	if len(w.Value) == 0 {
		return tx.Delete(w.Table, w.Key)
	}
	return tx.Put(w.Table, w.Key, w.Value)
}
