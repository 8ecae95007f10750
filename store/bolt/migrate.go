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

// A file of an older format is converted when it is opened: first a copy of the file is
// written beside it and flushed, then each step from one format to the next commits its own
// transaction. A conversion that was interrupted continues at the next Open.

// migrations convert each format to the next: the first element converts format 1 to format
// 2. There is only one format so far. To add a format, append the step that converts a file
// to it, and add a golden file of the new format to the tests.
var migrations []func(*bbolt.Tx) error

// currentFormat is the format that this program writes.
func currentFormat() int { return firstFormat + len(migrations) }

// formatOf returns the format of a file, or an error if this program does not know the
// format.
func formatOf(tx *bbolt.Tx) (int, error) {
	values, err := reader{context.Background(), tx}.Get(store.Ref{Table: metaBucket, Key: formatKey})
	if err != nil {
		return 0, err
	}
	if values[0] == nil {
		return 0, fmt.Errorf("%w: this is a bbolt file, but not a store of this program", store.ErrCorrupt)
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

// migrate converts an older file to the current format, one transaction for each step.
// Before the first step it writes a copy of the file beside it.
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

// keepCopy writes a copy of the file. A copy that exists was made by an interrupted
// migration of the same file, so keepCopy leaves it.
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
