//go:build linux || darwin

package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// free is what this user may still use where dir lies; inodes is negative where
// the file system has no fixed number of them. An error of writable is why dir
// cannot be written.
func free(dir string) (bytes, inodes int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("the free space at %s: %w", dir, err)
	}
	inodes = int64(s.Ffree)
	if s.Files == 0 {
		inodes = -1
	}
	return int64(s.Bavail) * int64(s.Bsize), inodes, nil //nolint:unconvert // types differ by system
}

func writable(dir string) error { return unix.Access(dir, unix.W_OK) }
