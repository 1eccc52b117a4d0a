//go:build unix

package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lock takes the file's exclusive lock without waiting, or returns ErrLocked.
func Lock(f *os.File) error { return flock(f, unix.LOCK_EX) }

// LockShared takes the file's shared lock without waiting, or returns ErrLocked
// where somebody holds the exclusive one. A file opened for reading is enough.
func LockShared(f *os.File) error { return flock(f, unix.LOCK_SH) }

func flock(f *os.File, how int) error {
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// FreeBytes is the space that this user can still write to the disk of dir.
func FreeBytes(dir string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("reading the free space of %s: %w", dir, err)
	}
	return stat.Bavail * uint64(stat.Bsize), nil
}

// Identity tells files of one disk apart, whatever their names: the inode. It is 0
// where the file system has none.
func Identity(_ string, info fs.FileInfo) (uint64, error) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino, nil
	}
	return 0, nil
}

// NoSpace says whether the disk, or this user's share of it, is full.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ReadOnly says whether the disk does not take writes at all.
func ReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// InUse says whether a file could not be opened or locked because another process
// has it: what libraries with locks of their own return.
func InUse(err error) bool { return errors.Is(err, syscall.EAGAIN) }
