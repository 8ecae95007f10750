//go:build unix

package floor

import (
	"syscall"
	"time"
)

// SelfCPU returns the processor time that this process has used, in user and in kernel
// mode.
func SelfCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
