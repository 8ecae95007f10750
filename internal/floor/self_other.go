//go:build !unix

package floor

import (
	"errors"
	"fmt"
	"time"
)

// SelfCPU returns an error: it is supported on Unix only.
func SelfCPU() (time.Duration, error) {
	return 0, fmt.Errorf("floor: processor time: %w", errors.ErrUnsupported)
}
