//go:build !linux

package child

import (
	"errors"
	"time"
)

// CPUOf is known on Linux only: errors.ErrUnsupported.
func CPUOf(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
