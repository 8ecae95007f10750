package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Backup writes one snapshot of a store as a text file of JSON lines, with keys in base64:
//
//   - The first line is a header: the version of the format, the names of the tables, and
//     the id of the key that authenticates the backup.
//   - One line follows for each entry, ordered by table and key.
//   - The trailer is a line with the number of entries, and the SHA-256 of all bytes before
//     that line.
//   - The last line has the MAC of all bytes before that line, trailer included. A backup
//     without a key has no such line.
//
// Format 1 had neither the key nor the MAC.
type (
	backupHeader struct {
		Format int      `json:"cognateBackup"`
		Tables []string `json:"tables"`
		Key    string   `json:"key,omitempty"`
	}
	backupLine struct {
		Table   string          `json:"t,omitempty"`
		Key     []byte          `json:"k,omitempty"`
		Value   json.RawMessage `json:"v,omitempty"`
		Entries *int64          `json:"entries,omitempty"` // only in the trailer
		SHA256  string          `json:"sha256,omitempty"`
	}
	backupMAC struct {
		MAC string `json:"mac"`
	}
)

const (
	backupFormat = 2
	// maxBackupLine is the longest line. A value can be longer here than in the store,
	// because JSON escapes make it longer.
	maxBackupLine = 8 * MaxValue
)

// BackupKeys are the keys that authenticate backups. The keys of store/sealed are.
type BackupKeys interface {
	// BackupMAC returns a new MAC under the key with an id, or under the key for new
	// backups if id is empty, and the id of the key that it took. It returns an error if
	// there is no key with the id.
	BackupMAC(ctx context.Context, id string) (taken string, mac hash.Hash, err error)
}

// BackupOptions are the options of [Backup].
type BackupOptions struct {
	// Keys authenticate the backup. Defaults to nil, which writes a backup that [Restore]
	// accepts only with [RestoreOptions.InsecureUnauthenticated].
	Keys BackupKeys
	// Progress is called after each entry, with the number of entries written.
	// Defaults to nil.
	Progress func(n int64)
}

// Backup writes one snapshot of all tables of the catalog to w and returns the number of
// entries written. A nil o is a pointer to the zero value.
//
// Backup writes values as s returns them. Give it the store below store/sealed to keep
// encrypted values encrypted. Backup holds one entry in memory at a time.
func Backup(ctx context.Context, s Store, w io.Writer, c Catalog, o *BackupOptions) (n int64, err error) {
	if err := c.Err(); err != nil {
		return 0, err
	}
	if o == nil {
		o = &BackupOptions{}
	}
	out, err := newBackupWriter(ctx, w, o.Keys)
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	tables := slices.Sorted(slices.Values(c.Tables()))
	if err := out.lines.Encode(backupHeader{backupFormat, tables, out.key}); err != nil {
		return 0, err
	}
	err = s.View(ctx, func(r Reader) error {
		for _, table := range tables {
			for e, err := range r.Scan(table, Range{}) {
				if err != nil {
					return err
				}
				if err := out.lines.Encode(backupLine{Table: table, Key: []byte(e.Key), Value: e.Value}); err != nil {
					return err
				}
				n++
				if o.Progress != nil {
					o.Progress(n)
				}
			}
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("backup: %w", err)
	}
	return n, out.end(n)
}

// A backupWriter writes the lines of a backup and computes their checksum and their MAC.
type backupWriter struct {
	buf   *bufio.Writer
	lines *json.Encoder
	sum   hash.Hash
	key   string    // the id of the key of mac
	mac   hash.Hash // nil without a key
}

func newBackupWriter(ctx context.Context, w io.Writer, keys BackupKeys) (out *backupWriter, err error) {
	out = &backupWriter{buf: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
	all := io.MultiWriter(out.buf, out.sum)
	if keys != nil {
		if out.key, out.mac, err = keys.BackupMAC(ctx, ""); err != nil {
			return nil, err
		}
		all = io.MultiWriter(out.buf, out.sum, out.mac)
	}
	out.lines = json.NewEncoder(all)
	out.lines.SetEscapeHTML(false) // a value must not grow
	return out, nil
}

// end writes the trailer and the MAC.
func (out *backupWriter) end(n int64) error {
	digest := hex.EncodeToString(out.sum.Sum(nil))
	if err := out.lines.Encode(backupLine{Entries: &n, SHA256: digest}); err != nil {
		return err
	}
	if out.mac != nil {
		if err := out.lines.Encode(backupMAC{hex.EncodeToString(out.mac.Sum(nil))}); err != nil {
			return err
		}
	}
	return out.buf.Flush()
}
