package plant

import (
	"os"
	"syscall"
)

// peak is the largest resident set in MiB; Linux counts it in KiB.
func peak(state *os.ProcessState) float64 {
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		return float64(u.Maxrss) / 1024
	}
	return 0
}
