package plant

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"customer360/bench/child"
)

// Process is a program that the plant has started.
type Process struct {
	Name string
	HTTP string // where it serves metrics; "" for none
	Log  string // its standard error, and output unless that was asked for

	cmd   *exec.Cmd
	stdin io.Closer
	out   *bytes.Buffer
	peer  bool
	ended chan struct{}
	err   error // of the end, valid after ended
}

// Usage is what a process has used since its start.
type Usage struct {
	CPU time.Duration // user and system time
	RSS float64       // the largest resident set, MiB
}

// Start runs a program with additions to this process's environment.
func (p *Plant) Start(name string, env []string, program string, args ...string) (*Process, error) {
	q := &Process{Name: name, Log: filepath.Join(p.Dir, name+".log"), ended: make(chan struct{}), out: new(bytes.Buffer)}
	log, err := os.OpenFile(q.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	q.cmd = exec.Command(program, args...)
	q.cmd.Env = append(os.Environ(), env...)
	q.cmd.Stdout, q.cmd.Stderr = q.out, log
	if q.stdin, err = q.cmd.StdinPipe(); err != nil { // peers end with it
		return nil, errors.Join(err, log.Close())
	}
	if err := q.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", name, err), log.Close())
	}
	go func() {
		q.err = q.cmd.Wait()
		_ = log.Close() // it is for people
		close(q.ended)
	}()
	p.processes = append(p.processes, q)
	return q, nil
}

// Ended is closed when the process has ended.
func (q *Process) Ended() <-chan struct{} { return q.ended }

// Output is what it has printed, valid after its end; the error is that of the
// end.
func (q *Process) Output() ([]byte, error) {
	<-q.ended
	if q.err != nil {
		return nil, fmt.Errorf("%s ended with: %w: %s", q.Name, q.err, q.tail())
	}
	return q.out.Bytes(), nil
}

// Alive is an error when the process has ended.
func (q *Process) Alive() error {
	select {
	case <-q.ended:
		return fmt.Errorf("%s has ended by itself: %v: %s", q.Name, q.err, q.tail())
	default:
		return nil
	}
}

// tail is the end of its log.
func (q *Process) tail() string {
	const most = 1500
	b, err := os.ReadFile(q.Log)
	if err != nil {
		return "see " + q.Log
	}
	return string(bytes.TrimSpace(b[max(len(b)-most, 0):]))
}

// Stop is SIGTERM, and for peers the end of their input, and waits for the end in
// order.
func (q *Process) Stop() error {
	_ = q.stdin.Close() // it has ended
	if !q.peer {
		_ = q.cmd.Process.Signal(syscall.SIGTERM) // the same
	}
	select {
	case <-q.ended:
	case <-time.After(2 * time.Minute):
		_ = q.cmd.Process.Kill() // the same
		<-q.ended
	}
	if q.err != nil {
		return fmt.Errorf("%s ended with: %w: %s", q.Name, q.err, q.tail())
	}
	return nil
}

// Usage reads it of a process that runs.
func (q *Process) Usage() (Usage, error) {
	if err := q.Alive(); err != nil {
		return Usage{}, err
	}
	return usageOf(q.cmd.Process.Pid)
}

// Total is what a process that has ended had used.
func (q *Process) Total() Usage {
	<-q.ended
	s := q.cmd.ProcessState
	return Usage{CPU: s.UserTime() + s.SystemTime(), RSS: peak(s)}
}

func usageOf(pid int) (u Usage, err error) {
	if u.CPU, err = child.CPUOf(pid); err != nil {
		return u, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("memory of process %d (this needs Linux): %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			u.RSS = kib / 1024
			return u, err
		}
	}
	return u, fmt.Errorf("process %d has ended", pid)
}
