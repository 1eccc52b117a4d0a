package pipeline

import "syscall"

// Windows cannot send these: the tests that do fail there.
const (
	sigStop = syscall.Signal(0x13)
	sigCont = syscall.Signal(0x12)
)
