//go:build !unix

package main

import "os"

// sameRights leaves a socket to its owner: the system has no modes of files.
func sameRights(_, socket string) error { return os.Chmod(socket, 0o600) }
