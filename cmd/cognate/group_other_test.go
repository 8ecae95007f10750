//go:build !unix

package main_test

import "os"

// groupOf returns -1: the system has no groups of files.
func groupOf(os.FileInfo) int { return -1 }
