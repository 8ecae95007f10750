package store

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
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

// Backup writes one snapshot of a store as a text file. Restore reads that file in this
// order:
//
//  1. It checks that the store is empty.
//  2. It reads the whole backup and verifies the order, the limits and the checksum.
//  3. It reads the backup again and writes the entries, by a bulk load if the store has
//     one, otherwise in transactions of bounded size.
//
// A Restore that fails in step 3 leaves the entries that are already committed.

// A backup is a file of JSON lines, with keys in base64:
//
//   - The first line is a header: the version of the format and the names of the tables.
//   - One line follows for each entry, ordered by table and key.
//   - The last line is a trailer: the number of entries, and the SHA-256 of all bytes
//     before the trailer.
type (
	backupHeader struct {
		Format int      `json:"cognateBackup"`
		Tables []string `json:"tables"`
	}
	backupLine struct {
		Table   string          `json:"t,omitempty"`
		Key     []byte          `json:"k,omitempty"`
		Value   json.RawMessage `json:"v,omitempty"`
		Entries *int64          `json:"entries,omitempty"` // only in the trailer
		SHA256  string          `json:"sha256,omitempty"`
	}
)

const (
	backupFormat = 1
	// maxBackupLine is the longest line. A value can be longer here than in the store,
	// because JSON escapes make it longer.
	maxBackupLine = 8 * MaxValue
	// restoreBytes and restoreRows bound one transaction of a restore.
	restoreBytes = MaxTx / 4
	restoreRows  = 1000
)

// ErrNotEmpty is returned by [Restore] if the store already has entries.
var ErrNotEmpty = errors.New("store: not empty")

// Backup writes one snapshot of all tables of the catalog to w and returns the number of
// entries written.
//
// Backup writes values as s returns them. Give it the store below store/sealed to keep
// encrypted values encrypted. Backup holds one entry in memory at a time. It calls
// progress, which may be nil, after each entry.
func Backup(ctx context.Context, s Store, w io.Writer, c Catalog, progress func(n int64)) (n int64, err error) {
	if err := c.Err(); err != nil {
		return 0, err
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	sum := sha256.New()
	out := json.NewEncoder(io.MultiWriter(buf, sum))
	out.SetEscapeHTML(false) // a value must not grow
	tables := slices.Sorted(slices.Values(c.Tables()))
	if err := out.Encode(backupHeader{backupFormat, tables}); err != nil {
		return 0, err
	}
	err = s.View(ctx, func(r Reader) error {
		for _, table := range tables {
			for e, err := range r.Scan(table, Range{}) {
				if err != nil {
					return err
				}
				if err := out.Encode(backupLine{Table: table, Key: []byte(e.Key), Value: e.Value}); err != nil {
					return err
				}
				n++
				if progress != nil {
					progress(n)
				}
			}
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("backup: %w", err)
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	if err := out.Encode(backupLine{Entries: &n, SHA256: digest}); err != nil {
		return n, err
	}
	return n, buf.Flush()
}

// VerifyBackup reads a backup to its end and returns the number of its entries. It returns
// [ErrCorrupt] if the backup is truncated or altered, and [ErrNewer] if the backup has a
// newer format or a table that is not in the catalog.
func VerifyBackup(r io.Reader, c Catalog) (n int64, err error) {
	for _, err := range backupEntries(r, c.Tables()) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Restore writes the entries of a backup to an empty store and returns the number of
// entries written. It reads the backup twice and writes nothing before the whole backup is
// verified. Discard the store if Restore fails midway: the store then has a part of the
// entries. Restore calls progress, which may be nil, after each entry.
func Restore(ctx context.Context, s Store, r io.ReadSeeker, c Catalog, progress func(n int64)) (n int64, err error) {
	tables := c.Tables()
	if err := requireEmpty(ctx, s, tables); err != nil {
		return 0, err
	}
	if _, err := VerifyBackup(r, c); err != nil {
		return 0, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var failed error
	entries := func(yield func(Ref, []byte) bool) {
		for e, err := range backupEntries(r, tables) {
			if err != nil {
				failed = err
				return
			}
			if !yield(Ref{e.Table, string(e.Key)}, e.Value) {
				return
			}
			n++
			if progress != nil {
				progress(n)
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

// backupEntries yields the entries of a backup. It ends with an error if the trailer does
// not match what was read.
func backupEntries(r io.Reader, known []string) iter.Seq2[*backupLine, error] {
	return func(yield func(*backupLine, error) bool) {
		lines := &lineReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
		tables, err := lines.header(known)
		if err != nil {
			yield(nil, err)
			return
		}
		for n := int64(0); ; n++ {
			e, done, err := lines.entry(n, tables)
			if done && err == nil {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A lineReader reads the lines of a backup and computes their checksum.
type lineReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	before Ref // the previous entry
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

func (l *lineReader) header(known []string) (tables []string, err error) {
	line, err := l.next()
	if err != nil {
		return nil, err
	}
	var h backupHeader
	if err := json.Unmarshal(line, &h); err != nil || h.Format < 1 {
		return nil, fmt.Errorf("%w: the file is not a backup of a store", ErrCorrupt)
	}
	if h.Format > backupFormat {
		return nil, fmt.Errorf("%w: the backup has format %d, this program knows %d", ErrNewer, h.Format, backupFormat)
	}
	for _, table := range h.Tables {
		if !slices.Contains(known, table) {
			return nil, fmt.Errorf("%w: the backup has a table %q, which this program does not know", ErrNewer, table)
		}
	}
	l.sum.Write(line)
	return h.Tables, nil
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
		return nil, true, l.trailer(e, n)
	}
	if !slices.Contains(tables, e.Table) {
		return nil, false, fmt.Errorf("%w: entry %d of the backup has a table that the header does not list", ErrCorrupt, n+1)
	}
	if err := l.follows(e); err != nil {
		return nil, false, fmt.Errorf("%w: entry %d of the backup: %w", ErrCorrupt, n+1, err)
	}
	l.sum.Write(line)
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

func (l *lineReader) trailer(e *backupLine, n int64) error {
	digest, err := hex.DecodeString(e.SHA256)
	if err != nil || *e.Entries != n || !bytes.Equal(digest, l.sum.Sum(nil)) {
		return fmt.Errorf("%w: the backup was altered: its trailer does not match its entries", ErrCorrupt)
	}
	if _, err := l.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the backup has data after its end", ErrCorrupt)
	}
	return nil
}
