package chaos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process keeps one program up, as an init system does: what ends is started
// again.
type process struct {
	name, binary string
	env          []string
	log          io.Writer // stdout and stderr, through a pipe: a full disk is not theirs
	shifted      bool      // its wall clock can be set

	mu      sync.Mutex
	args    []string
	cmd     *exec.Cmd // nil while it does not run
	clock   *clock
	offset  time.Duration
	killed  bool          // by us
	away    time.Duration // until it is started again after that
	ending  bool
	exits   []string      // how it ended by itself
	stopped chan struct{} // closed when it is not started again
	wake    chan struct{} // closed to end a wait for the next start
	err     error         // of the last end, valid after stopped
}

// restartAfter is the wait after a process that ended by itself.
const restartAfter = time.Second

// start begins to keep it up.
func (p *process) start() {
	p.stopped, p.wake, p.ending, p.err = make(chan struct{}), make(chan struct{}), false, nil
	go p.keep()
}

func (p *process) keep() {
	defer close(p.stopped)
	for {
		cmd, err := p.launch()
		if cmd == nil {
			p.err = err // nil: it is ending
			return
		}
		err = cmd.Wait()
		p.mu.Lock()
		p.cmd, p.clock = nil, nil
		after, ending := p.away, p.ending
		if !p.killed {
			after = restartAfter
			if !ending {
				p.exits = append(p.exits, fmt.Sprint(cmd.ProcessState))
			}
		}
		p.killed, p.away = false, 0
		wake := p.wake
		p.mu.Unlock()
		if ending {
			p.err = err
			return
		}
		select {
		case <-time.After(after):
		case <-wake:
		}
	}
}

// launch starts it once; nil without an error: it is ending.
func (p *process) launch() (*exec.Cmd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return nil, nil
	}
	cmd := exec.Command(p.binary, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.log, p.log, 10*time.Second
	cmd.SysProcAttr = dieWithUs()
	var err error
	if p.shifted {
		p.clock, err = startShifted(cmd, p.offset)
	} else {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd = cmd
	return cmd, nil
}

// errAway: the process does not run at the moment.
var errAway = errors.New("not running")

// with calls f while the process runs and cannot be replaced.
func (p *process) with(f func(*exec.Cmd) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return errAway
	}
	return f(p.cmd)
}

func (p *process) signal(s os.Signal) error {
	return p.with(func(cmd *exec.Cmd) error { return cmd.Process.Signal(s) })
}

// kill is SIGKILL, and a start that much later.
func (p *process) kill(away time.Duration) error {
	return p.with(func(cmd *exec.Cmd) error {
		p.killed, p.away = true, away
		return cmd.Process.Kill()
	})
}

// hurry ends the wait for the next start.
func (p *process) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		close(p.wake)
		p.wake = make(chan struct{})
	}
}

// setClock moves the wall clock, now and at later starts.
func (p *process) setClock(offset time.Duration) error {
	return p.with(func(*exec.Cmd) error {
		p.offset = offset
		return p.clock.set(offset)
	})
}

func (p *process) full(yes bool) error {
	return p.with(func(cmd *exec.Cmd) error {
		if yes {
			return fillDisk(cmd.Process.Pid)
		}
		return emptyDisk(cmd.Process.Pid)
	})
}

// end is SIGTERM. It returns an error unless the process ends in order in time.
func (p *process) end(patience time.Duration) error {
	p.mu.Lock()
	p.ending = true
	close(p.wake)
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have just ended: keep says how
	}
	p.mu.Unlock()
	select {
	case <-p.stopped:
	case <-time.After(patience):
		_ = p.signal(syscall.SIGQUIT) // its goroutines go to the log
		<-p.stopped
		return fmt.Errorf("%s did not end within %v of SIGTERM", p.name, patience)
	}
	if p.err != nil {
		return fmt.Errorf("%s: the end: %w", p.name, p.err)
	}
	return nil
}

// abandon is SIGKILL without a next start.
func (p *process) abandon() {
	p.mu.Lock()
	if !p.ending {
		p.ending = true
		close(p.wake)
	}
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // it may have just ended
	}
	p.mu.Unlock()
	<-p.stopped
}

// ended returns how often, and how last, it ended by itself.
func (p *process) ended() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.exits...)
}
