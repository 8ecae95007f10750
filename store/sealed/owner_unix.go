//go:build unix

package sealed

import (
	"fmt"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the file that it replaces. Otherwise servers that
// run as that user could not read the new file.
func keepOwner(path string, f *os.File) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	is, err := f.Stat()
	if err != nil {
		return err
	}
	want, known := old.Sys().(*syscall.Stat_t)
	have, same := is.Sys().(*syscall.Stat_t)
	if !known || !same || have.Uid == want.Uid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("run this as the owner of the file: %w", err)
	}
	return nil
}
