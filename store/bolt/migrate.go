package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cognate-id/cognate/store"
	"go.etcd.io/bbolt"
)

// migrations lead from each format to the next: the first from format 1 to 2.
// There is one format so far. Whoever adds another appends the step that makes
// a file of it out of the one before, and a golden file of that to the tests.
var migrations []func(*bbolt.Tx) error

// currentFormat is the format that this program writes.
func currentFormat() int { return firstFormat + len(migrations) }

// formatOf reads the format of a file, which may be any that this program knows.
func formatOf(tx *bbolt.Tx) (int, error) {
	values, err := reader{context.Background(), tx}.Get(store.Ref{Table: metaBucket, Key: formatKey})
	if err != nil {
		return 0, err
	}
	if values[0] == nil {
		return 0, fmt.Errorf("%w: a bbolt file, but not one of this program", store.ErrCorrupt)
	}
	n, err := strconv.Atoi(string(values[0]))
	switch {
	case err != nil || n < firstFormat:
		return 0, fmt.Errorf("%w: the format of the file is %q", store.ErrCorrupt, values[0])
	case n > currentFormat():
		return 0, fmt.Errorf("%w: the file has format %d, this program knows %d", store.ErrNewer, n, currentFormat())
	}
	return n, nil
}

func writeFormat(tx *bbolt.Tx, n int) error {
	b, err := openBucket(tx, metaBucket)
	if err != nil {
		return err
	}
	if err := b.write(formatKey, strconv.AppendInt(nil, int64(n), 10)); err != nil {
		return err
	}
	return b.flush()
}

// migrate brings an older file to the current format, a transaction a step,
// once a copy of it is on the disk beside it.
func migrate(path string, db *bbolt.DB) error {
	var from int
	err := db.View(func(tx *bbolt.Tx) (err error) {
		if from, err = formatOf(tx); err != nil || from == currentFormat() {
			return err
		}
		return keepCopy(tx, fmt.Sprintf("%s.format%d.bak", path, from))
	})
	if err != nil {
		return err
	}
	for n := from; n < currentFormat(); n++ {
		err := db.Update(func(tx *bbolt.Tx) error {
			return errors.Join(migrations[n-firstFormat](tx), writeFormat(tx, n+1))
		})
		if err != nil {
			return fmt.Errorf("migrate from format %d to %d: %w", n, n+1, err)
		}
	}
	return nil
}

// keepCopy writes a copy of the file. One that is there already was made by a
// migration that did not come to its end, of the same file: it stays.
func keepCopy(tx *bbolt.Tx, to string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if _, err := tx.WriteTo(io.Writer(temp)); err != nil {
		return err
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := move(temp.Name(), to); err != nil {
		return err
	}
	syncDir(filepath.Dir(to))
	return nil
}
