//go:build unix

package main

import (
	"os"
	"syscall"
)

// sameRights gives a socket the group and the mode of a file. Connecting needs the right to
// write, so the right to read alone is of no use.
func sameRights(file, socket string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Gid) != os.Getegid() {
		if err := os.Lchown(socket, -1, int(st.Gid)); err != nil {
			return os.Chmod(socket, 0o600) // the group of the file is not one of this process
		}
	}
	return os.Chmod(socket, info.Mode().Perm()&0o666)
}
