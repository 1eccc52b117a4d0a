package chaos

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// clock is the wall clock that one process sees.
type clock struct {
	pid  int
	cell int64 // address of the offset in the process, 8 bytes: seconds
}

// shifted is clock_gettime: the system call, and on CLOCK_REALTIME the seconds
// behind the code added to the result.
//
//	mov  eax, 228          ; SYS_clock_gettime; edi: the clock, rsi: the timespec
//	syscall
//	test edi, edi
//	jne  done
//	mov  rcx, [rip+cell]
//	add  [rsi], rcx
//	done: ret
//	cell: 0, 0, 0, 0, 0, 0, 0, 0
var shifted = []byte{
	0xb8, 228, 0, 0, 0,
	0x0f, 0x05,
	0x85, 0xff,
	0x75, 10,
	0x48, 0x8b, 0x0d, 6, 0, 0, 0, // from the next instruction to cell
	0x48, 0x01, 0x0e,
	0xc3, 0x90, 0x90, // the cell begins at 24, aligned
	0, 0, 0, 0, 0, 0, 0, 0,
}

const cellAt = 24

// startShifted starts the command with a wall clock that can be set. The process
// is stopped at exec, before its first instruction, while its vDSO is overwritten;
// the pages are the process's own copy from then on.
func startShifted(cmd *exec.Cmd, offset time.Duration) (*clock, error) {
	runtime.LockOSThread() // ptrace is between threads
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, 0, nil)
	if err == nil && !status.Stopped() {
		err = errors.New("it did not stop at exec")
	}
	var c *clock
	if err == nil {
		if c, err = overwriteClock(pid); err == nil {
			err = c.set(offset)
		}
	}
	if err == nil {
		err = syscall.PtraceDetach(pid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the clock of process %d: %w", pid, err), cmd.Process.Kill(), cmd.Wait())
	}
	return c, nil
}

// set moves the wall clock from the true time.
func (c *clock) set(offset time.Duration) error {
	return poke(c.pid, c.cell, binary.LittleEndian.AppendUint64(nil, uint64(int64(offset/time.Second))))
}

func overwriteClock(pid int) (*clock, error) {
	start, end, err := vdso(pid)
	if err != nil {
		return nil, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, err
	}
	image := make([]byte, end-start)
	_, err = mem.ReadAt(image, start)
	if err := errors.Join(err, mem.Close()); err != nil {
		return nil, fmt.Errorf("reading the vDSO: %w", err)
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, fmt.Errorf("the vDSO: %w", err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return nil, fmt.Errorf("the vDSO: %w", err)
	}
	for _, s := range symbols {
		if s.Name != "__vdso_clock_gettime" {
			continue
		}
		if s.Size < uint64(len(shifted)) || s.Value%8 != 0 {
			return nil, fmt.Errorf("the vDSO's clock_gettime has %d bytes at %#x: no room", s.Size, s.Value)
		}
		at := start + int64(s.Value)
		return &clock{pid: pid, cell: at + cellAt}, poke(pid, at, shifted)
	}
	return nil, errors.New("the vDSO has no clock_gettime")
}

// vdso is where it lies in the process.
func vdso(pid int) (start, end int64, err error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	defer maps.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if line := lines.Text(); strings.HasSuffix(line, "[vdso]") {
			_, err := fmt.Sscanf(line, "%x-%x", &start, &end)
			return start, end, err
		}
	}
	return 0, 0, errors.New("it has no vDSO")
}

func poke(pid int, at int64, data []byte) error {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = mem.WriteAt(data, at)
	return errors.Join(err, mem.Close())
}
