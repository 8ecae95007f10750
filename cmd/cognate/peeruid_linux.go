package main

import (
	"net"
	"syscall"
)

// peerUID returns the user id of the process at the other end of a socket, as the kernel
// knows it.
func peerUID(socket net.Conn) (uid int, ok bool) {
	unix, ok := socket.(*net.UnixConn)
	if !ok {
		return 0, false
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || failed != nil {
		return 0, false
	}
	return int(cred.Uid), true
}
