package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Component is one server, started and stopped by its script in deploy/stack.
type Component struct {
	Name   string // mariadb, kafka, connect
	script string
	dir    string // of its data, log and pid file
	env    []string
}

// Start starts it, if it does not run, and waits until it answers. The error has
// what the script said, which names the log.
func (c *Component) Start(ctx context.Context) error { return c.call(ctx, nil, "start") }

// Stop is SIGTERM, and waits for the end.
func (c *Component) Stop(ctx context.Context) error { return c.call(ctx, nil, "stop") }

// Kill is SIGKILL, and waits until the process is gone.
func (c *Component) Kill(ctx context.Context) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s, process %d: %w", c.Name, pid, err)
	}
	for alive(pid) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s, process %d, is still there after SIGKILL: %w", c.Name, pid, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Signal sends any signal, to pause and continue it.
func (c *Component) Signal(s os.Signal) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(s)
}

func (c *Component) pid() (int, error) {
	b, err := os.ReadFile(filepath.Join(c.dir, c.Name+".pid"))
	if err != nil {
		return 0, fmt.Errorf("%s does not run: %w", c.Name, err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s: no process number in its pid file: %q", c.Name, b)
	}
	return pid, nil
}

// alive says whether a process is there and not a zombie, which stays where
// nobody waits for it.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state stands behind the name, which is in parentheses.
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

func (c *Component) call(ctx context.Context, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, "bash", append([]string{c.script}, args...)...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(c.script), strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
