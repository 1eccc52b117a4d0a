package secure

import "syscall"

// dieWithUs lets the kernel kill children of a test that was killed itself.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
