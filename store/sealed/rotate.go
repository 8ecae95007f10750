package sealed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RotateKeyFile puts a new key into the file at path, which seals from now on;
// those that were there still open. Stores that are open on the file notice it,
// see [KeysFrom]. Copies of the file elsewhere must get the key before any store is written under it.
// Afterwards [Reseal] brings the values under the new key, and [DropOldKeys] removes the others.
// It must be called as the owner of the file or as root: the owner stays the same.
func RotateKeyFile(path string) error {
	return rewriteKeyFile(path, func(text string) (string, error) {
		var head strings.Builder
		for line := range strings.Lines(text) {
			if !isComment(line) {
				break
			}
			head.WriteString(line)
		}
		return head.String() + newLine() + text[head.Len():], nil
	})
}

// rewriteKeyFile replaces a key file as a whole. The new file has a fixed name
// until it is complete, so that only one process at a time replaces it.
func rewriteKeyFile(path string, edit func(text string) (string, error)) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	temp := path + ".rewrite"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s: another process is changing it, or was killed meanwhile: then remove %s", path, temp)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	err = func() error {
		defer f.Close() // a second time when all goes well
		old, err := readKeyFile(path)
		if err != nil {
			return err
		}
		text, err := edit(string(old))
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, keepOwner(path, f), f.Sync(), f.Close())
	}()
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp) // only here: after the renaming it is that of another process
		return err
	}
	syncDir(path)
	return nil
}
