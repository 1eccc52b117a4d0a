package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime counts through suspend, unlike Go's monotonic clock: a lease that
// ran out while the machine slept has run out.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(ts.Nano())
}
