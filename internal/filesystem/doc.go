// Package filesystem holds what operating systems do differently with files:
// locks that end with their process, free space, a file's identity, and the
// error numbers of full and read-only disks.
//
// A lock belongs to the open file, not to its contents: others can read a locked
// file everywhere (on Windows, where locks are mandatory, the locked byte lies far
// behind the contents). The kernel releases it when the file is closed or the process
// ends, however it ends.
package filesystem

import "errors"

// ErrLocked: another open file, in this process or another one, holds the lock.
var ErrLocked = errors.New("locked")
