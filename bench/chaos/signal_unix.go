//go:build unix

package chaos

import "syscall"

const (
	pause  = syscall.SIGSTOP
	resume = syscall.SIGCONT
)
