//go:build unix

package main_test

import (
	"os"
	"syscall"
)

// groupOf returns the group of a file, or -1.
func groupOf(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}
