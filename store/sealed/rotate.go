package sealed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RotateKeyFile puts a new key first into the file at path. The new key seals from now on;
// the old keys still open values. Open stores notice the change, see [KeysFrom].
//
// If servers use copies of the file, give every copy the new key before any store writes
// under it. Afterwards call [Reseal] to bring the values under the new key, and
// [DropOldKeys] to remove the old keys. Call RotateKeyFile as the owner of the file or as
// root; the owner stays the same.
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

// rewriteKeyFile replaces a key file as a whole. The new file has a fixed temporary name
// until it is complete, so only one process at a time can replace the key file.
func rewriteKeyFile(path string, edit func(text string) (string, error)) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	temp := path + ".rewrite"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s: another process is changing it; if that process was killed, remove %s", path, temp)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	err = func() error {
		defer f.Close() // a second Close if all goes well
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
		os.Remove(temp) // not after the rename: then the name may belong to another process
		return err
	}
	syncDir(path)
	return nil
}
