package contest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"
)

// collector says what bounds the heap: GOGC and GOMEMLIMIT as they hold now.
func collector() string {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(s)
	limit := "none"
	if n := s[1].Value.Uint64(); n < 1<<60 {
		limit = fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("GOGC=%d, memory limit %s", s[0].Value.Uint64(), limit)
}

// peakRSS is this process's peak resident size in MiB, 0 where the system does
// not tell.
func peakRSS() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return 0
			}
			return kib / 1024
		}
	}
	return 0
}

// sizeOf sums up the files of a folder, in bytes.
func sizeOf(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		sum += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("the size of the state: %w", err)
	}
	return sum, nil
}
