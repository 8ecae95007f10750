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

// A backup is lines of JSON. The first is a header with the version of the
// format and the names of the tables; then comes one line for each entry, in the
// order of those tables and of their keys; the last is a trailer with the number
// of entries and the SHA-256 of all bytes before it. Keys are in base64.
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
	// maxBackupLine is room for the largest value, which may be longer here by its escapes.
	maxBackupLine = 8 * MaxValue
	// restoreBytes and restoreRows bound one transaction of a restore.
	restoreBytes = MaxTx / 4
	restoreRows  = 1000
)

// ErrNotEmpty is returned by [Restore] for a store that holds something.
var ErrNotEmpty = errors.New("store: not empty")

// Backup writes one snapshot of all tables of a catalog to w and returns how many entries it
// wrote. Values are written as s gives them: what store/sealed encrypts stays
// encrypted if s is the store below it. It keeps one entry in memory. progress,
// which may be nil, is called after each entry.
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

// VerifyBackup reads a backup to its end and returns how many entries it holds.
// The error is [ErrCorrupt] for one that was cut or altered, and [ErrNewer] for one
// in a newer format, or with tables that are not in the catalog.
func VerifyBackup(r io.Reader, c Catalog) (n int64, err error) {
	for _, err := range backupEntries(r, c.Tables()) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Restore writes the entries of a backup to an empty store and returns how many
// there were. It reads the backup twice, and writes nothing before it has verified
// the whole. A restore that fails midway leaves a part: throw that store away.
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

// backupEntries yields the entries of a backup, and an error at the end unless
// the trailer agrees with what was read.
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

// A lineReader reads the lines of a backup and sums them up.
type lineReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	before Ref // the last entry
}

// next returns the next line with its end. A file that ends before is cut.
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
		return nil, fmt.Errorf("%w: this is no backup of a store", ErrCorrupt)
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

// entry reads one entry, or the trailer after n of them.
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
		return nil, false, fmt.Errorf("%w: entry %d of the backup is of no table in its header", ErrCorrupt, n+1)
	}
	if err := l.follows(e); err != nil {
		return nil, false, fmt.Errorf("%w: entry %d of the backup: %w", ErrCorrupt, n+1, err)
	}
	l.sum.Write(line)
	return e, false, nil
}

// follows tells whether an entry may be written, and comes after the one before:
// so a restore does not come to know it when half is written.
func (l *lineReader) follows(e *backupLine) error {
	ref := Ref{e.Table, string(e.Key)}
	if err := limits.Check(ref.Table, ref.Key, e.Value); err != nil {
		return err
	}
	if cmp.Or(cmp.Compare(ref.Table, l.before.Table), cmp.Compare(ref.Key, l.before.Key)) <= 0 {
		return errors.New("it does not come after the one before")
	}
	l.before = ref
	return nil
}

func (l *lineReader) trailer(e *backupLine, n int64) error {
	digest, err := hex.DecodeString(e.SHA256)
	if err != nil || *e.Entries != n || !bytes.Equal(digest, l.sum.Sum(nil)) {
		return fmt.Errorf("%w: the backup is not what was written: its trailer does not agree", ErrCorrupt)
	}
	if _, err := l.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the end of the backup", ErrCorrupt)
	}
	return nil
}
