//go:build !linux

package main

import "net"

// peerUID is not known on this system. The command says itself who runs it.
func peerUID(net.Conn) (uid int, ok bool) { return 0, false }
