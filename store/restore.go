package store

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"

	"github.com/cognate-id/cognate/store/internal/limits"
)

// Restore reads the file that Backup wrote in this order:
//
//  1. It checks that the store is empty.
//  2. It reads the whole backup and verifies the order, the limits, the checksum and the
//     MAC.
//  3. It reads the backup again and writes the entries, by a bulk load if the store has
//     one, otherwise in transactions of bounded size. It verifies the backup once more
//     meanwhile, because the file may have changed.
//
// A Restore that fails in step 3 leaves the entries that are already committed.

const (
	// restoreBytes and restoreRows bound one transaction of a restore.
	restoreBytes = MaxTx / 4
	restoreRows  = 1000
)

var (
	// ErrNotEmpty is returned by [Restore] if the store already has entries.
	ErrNotEmpty = errors.New("store: not empty")
	// ErrUnauthenticated is returned for a backup without a MAC, and for a backup with a
	// MAC if no keys are given: anybody may have altered it.
	ErrUnauthenticated = errors.New("store: the backup is not authenticated")
)

// RestoreOptions are the options of [Restore] and [VerifyBackup].
type RestoreOptions struct {
	// Keys authenticate the backup. They must have the key that the backup names. Give them
	// unless InsecureUnauthenticated is set. Defaults to nil.
	Keys BackupKeys
	// InsecureUnauthenticated accepts a backup that has no MAC: one of a store without
	// keys, or one of an earlier version. Such a backup is protected against accidents
	// only. If Keys is nil, a MAC is not verified either. Defaults to false.
	InsecureUnauthenticated bool
	// Progress is called by Restore after each entry, with the number of entries written.
	// Defaults to nil.
	Progress func(n int64)
}

// VerifyBackup reads a backup to its end and returns the number of its entries. It returns
//
//   - [ErrCorrupt] if the backup is truncated or altered,
//   - [ErrNewer] if the backup has a newer format or a table that is not in the catalog,
//   - [ErrUnauthenticated] if nothing can tell whether the backup was altered on purpose,
//   - the error of the keys if they do not have the key that the backup names.
//
// A nil o is a pointer to the zero value, which accepts no backup.
func VerifyBackup(ctx context.Context, r io.Reader, c Catalog, o *RestoreOptions) (n int64, err error) {
	for _, err := range backupEntries(ctx, r, c.Tables(), o) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Restore writes the entries of a backup to an empty store and returns the number of
// entries written. It reads the backup twice and writes nothing before the whole backup is
// verified, see [VerifyBackup] for the errors. Discard the store if Restore fails midway:
// the store then has a part of the entries.
func Restore(ctx context.Context, s Store, r io.ReadSeeker, c Catalog, o *RestoreOptions) (n int64, err error) {
	o = cmp.Or(o, &RestoreOptions{})
	tables := c.Tables()
	if err := requireEmpty(ctx, s, tables); err != nil {
		return 0, err
	}
	if _, err := VerifyBackup(ctx, r, c, o); err != nil {
		return 0, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var failed error
	entries := func(yield func(Ref, []byte) bool) {
		for e, err := range backupEntries(ctx, r, tables, o) {
			if err != nil {
				failed = err
				return
			}
			if !yield(Ref{e.Table, string(e.Key)}, e.Value) {
				return
			}
			n++
			if o.Progress != nil {
				o.Progress(n)
			}
		}
	}
	if l, ok := s.(BulkLoader); ok {
		err = l.BulkLoad(ctx, entries)
	} else {
		err = writeBatches(ctx, s, entries)
	}
	if err := errors.Join(failed, err); err != nil {
		return n, fmt.Errorf("restore: %w", err)
	}
	return n, nil
}

// requireEmpty returns [ErrNotEmpty] if one of the tables has an entry.
func requireEmpty(ctx context.Context, s Store, tables []string) error {
	return s.View(ctx, func(r Reader) error {
		for _, table := range tables {
			for _, err := range r.Scan(table, Range{Limit: 1}) {
				if err != nil {
					return err
				}
				return fmt.Errorf("%w: it has entries in %s", ErrNotEmpty, table)
			}
		}
		return nil
	})
}

// writeBatches writes entries in transactions of bounded size.
func writeBatches(ctx context.Context, s Store, entries iter.Seq2[Ref, []byte]) error {
	type write struct {
		ref   Ref
		value []byte
	}
	var batch []write
	size := 0
	flush := func() error {
		err := s.Update(ctx, func(tx Tx) error {
			for _, w := range batch {
				if err := tx.Put(w.ref.Table, w.ref.Key, w.value); err != nil {
					return err
				}
			}
			return nil
		})
		batch, size = batch[:0], 0
		return err
	}
	for ref, value := range entries {
		batch = append(batch, write{ref, value})
		if size += len(ref.Table) + len(ref.Key) + len(value); size < restoreBytes && len(batch) < restoreRows {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// backupEntries yields the entries of a backup. It ends with an error if the trailer or the
// MAC does not match what was read.
func backupEntries(ctx context.Context, r io.Reader, known []string, o *RestoreOptions) iter.Seq2[*backupLine, error] {
	return func(yield func(*backupLine, error) bool) {
		lines := &lineReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
		h, err := lines.header(known)
		if err == nil {
			err = lines.authenticate(ctx, h, cmp.Or(o, &RestoreOptions{}))
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for n := int64(0); ; n++ {
			e, done, err := lines.entry(n, h.Tables)
			if done && err == nil {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A lineReader reads the lines of a backup and computes their checksum and their MAC.
type lineReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	head   []byte    // the header
	keyed  bool      // reports whether the backup has a MAC
	mac    hash.Hash // nil if there is no MAC, or if it is not verified
	before Ref       // the previous entry
}

// next returns the next line, with its newline. It returns [ErrCorrupt] if the file ends
// before the newline.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: the backup is cut off", ErrCorrupt)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxBackupLine:
			return nil, fmt.Errorf("%w: a line of the backup is too long", ErrCorrupt)
		}
	}
}

func (l *lineReader) header(known []string) (h backupHeader, err error) {
	line, err := l.next()
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(line, &h); err != nil || h.Format < 1 {
		return h, fmt.Errorf("%w: the file is not a backup of a store", ErrCorrupt)
	}
	if h.Format > backupFormat {
		return h, fmt.Errorf("%w: the backup has format %d, this program knows %d", ErrNewer, h.Format, backupFormat)
	}
	for _, table := range h.Tables {
		if !slices.Contains(known, table) {
			return h, fmt.Errorf("%w: the backup has a table %q, which this program does not know", ErrNewer, table)
		}
	}
	l.sum.Write(line)
	l.head = line
	return h, nil
}

// authenticate begins the MAC of a backup, or returns an error if the backup must have one
// and has not.
func (l *lineReader) authenticate(ctx context.Context, h backupHeader, o *RestoreOptions) (err error) {
	l.keyed = h.Format > 1 && h.Key != ""
	switch {
	case !l.keyed && o.InsecureUnauthenticated, o.Keys == nil && o.InsecureUnauthenticated:
		return nil
	case !l.keyed:
		return fmt.Errorf("%w: it has no MAC, so anybody may have altered it", ErrUnauthenticated)
	case o.Keys == nil:
		return fmt.Errorf("%w: the key %s of its MAC is not given", ErrUnauthenticated, h.Key)
	}
	if _, l.mac, err = o.Keys.BackupMAC(ctx, h.Key); err != nil {
		return fmt.Errorf("authenticate the backup: %w", err)
	}
	l.mac.Write(l.head)
	return nil
}

// entry reads the next line, which is an entry or, after n entries, the trailer. done
// reports whether it was the trailer.
func (l *lineReader) entry(n int64, tables []string) (e *backupLine, done bool, err error) {
	line, err := l.next()
	if err != nil {
		return nil, false, err
	}
	e = new(backupLine)
	if err := json.Unmarshal(line, e); err != nil {
		return nil, false, fmt.Errorf("%w: entry %d of the backup cannot be read", ErrCorrupt, n+1)
	}
	if e.Entries != nil {
		return nil, true, l.trailer(e, line, n)
	}
	if !slices.Contains(tables, e.Table) {
		return nil, false, fmt.Errorf("%w: entry %d of the backup has a table that the header does not list", ErrCorrupt, n+1)
	}
	if err := l.follows(e); err != nil {
		return nil, false, fmt.Errorf("%w: entry %d of the backup: %w", ErrCorrupt, n+1, err)
	}
	l.sum.Write(line)
	if l.mac != nil {
		l.mac.Write(line)
	}
	return e, false, nil
}

// follows returns an error if an entry breaks a limit of the contract or is out of order.
// Restore verifies every entry before it writes the first, so a bad entry never leaves a
// half-written store.
func (l *lineReader) follows(e *backupLine) error {
	ref := Ref{e.Table, string(e.Key)}
	if err := limits.Check(ref.Table, ref.Key, e.Value); err != nil {
		return err
	}
	if cmp.Or(cmp.Compare(ref.Table, l.before.Table), cmp.Compare(ref.Key, l.before.Key)) <= 0 {
		return errors.New("it is out of order")
	}
	l.before = ref
	return nil
}

func (l *lineReader) trailer(e *backupLine, line []byte, n int64) error {
	digest, err := hex.DecodeString(e.SHA256)
	if err != nil || *e.Entries != n || !bytes.Equal(digest, l.sum.Sum(nil)) {
		return fmt.Errorf("%w: the backup was altered: its trailer does not match its entries", ErrCorrupt)
	}
	if l.keyed {
		if err := l.verify(line); err != nil {
			return err
		}
	}
	if _, err := l.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the backup has data after its end", ErrCorrupt)
	}
	return nil
}

// verify reads the MAC, which follows the trailer, and compares it with that of the lines.
func (l *lineReader) verify(trailer []byte) error {
	line, err := l.next()
	if err != nil {
		return err
	}
	var last backupMAC
	if err := json.Unmarshal(line, &last); err != nil {
		return fmt.Errorf("%w: the MAC of the backup cannot be read", ErrCorrupt)
	}
	if l.mac == nil {
		return nil
	}
	l.mac.Write(trailer)
	stated, err := hex.DecodeString(last.MAC)
	if err != nil || !hmac.Equal(stated, l.mac.Sum(nil)) {
		return fmt.Errorf("%w: the backup was altered: its MAC does not match", ErrCorrupt)
	}
	return nil
}
