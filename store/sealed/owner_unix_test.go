//go:build unix

package sealed_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cognate-id/cognate/store/sealed"
)

// A key file that root changes stays that of the user of the servers.
func TestRotateKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	path := filepath.Join(t.TempDir(), "key")
	if _, err := sealed.OpenKeyFile(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := sealed.RotateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 65534 || info.Mode().Perm() != 0o600 {
		t.Errorf("it is of user %d, with mode %v", s.Uid, info.Mode())
	}
}
