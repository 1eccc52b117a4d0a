package scaleout

import (
	"os"
	"syscall"
)

// peak is the largest resident set; Linux counts it in KiB.
func peak(state *os.ProcessState) int64 {
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}
