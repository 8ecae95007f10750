//go:build !linux

package floor

import (
	"errors"
	"fmt"
	"time"
)

// CPU returns an error: it is supported on Linux only.
func CPU(int) (time.Duration, error) {
	return 0, fmt.Errorf("floor: processor time of a process: %w", errors.ErrUnsupported)
}

func memory(int) (now, most int64, err error) {
	return 0, 0, fmt.Errorf("floor: memory of a process: %w", errors.ErrUnsupported)
}
