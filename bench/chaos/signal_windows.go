package chaos

import "syscall"

// Windows cannot pause a process: sending these fails there.
const (
	pause  = syscall.Signal(0x13)
	resume = syscall.Signal(0x12)
)
