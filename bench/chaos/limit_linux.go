package chaos

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// fillDisk makes each write of the process to a file fail (EFBIG; Go ignores the
// signal that comes with it). Pipes and sockets go on.
func fillDisk(pid int) error { return limitFiles(pid, 0) }

// emptyDisk ends that.
func emptyDisk(pid int) error { return limitFiles(pid, unix.RLIM_INFINITY) }

func limitFiles(pid int, soft uint64) error {
	limit := unix.Rlimit{Cur: soft, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		return fmt.Errorf("limiting the files of process %d: %w", pid, err)
	}
	return nil
}

// dieWithUs lets the kernel kill children of a chaos that was killed itself.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
