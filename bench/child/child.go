package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Child is a process that answers questions.
type Child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	asks   *json.Encoder
	hears  *json.Decoder
	killed context.CancelFunc
}

// farewell is how long a child may take to end in order.
const farewell = 30 * time.Second

// Start starts argv. Its log goes to stderr. The end of ctx kills it.
func Start(ctx context.Context, argv []string, stderr io.Writer) (*Child, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr, cmd.WaitDelay = stderr, farewell
	stdin, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	return &Child{cmd: cmd, stdin: stdin, asks: json.NewEncoder(stdin), hears: json.NewDecoder(stdout), killed: cancel}, nil
}

// PID of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Tell sends a question.
func (c *Child) Tell(question any) error {
	if err := c.asks.Encode(question); err != nil {
		return fmt.Errorf("asking the process %d: %w", c.PID(), err)
	}
	return nil
}

// Hear waits for the next answer.
func (c *Child) Hear(answer any) error {
	if err := c.hears.Decode(answer); err != nil {
		return fmt.Errorf("the process %d does not answer, its log says more: %w", c.PID(), err)
	}
	return nil
}

// Stop lets the child end, and kills it where it takes too long.
func (c *Child) Stop() error {
	defer c.killed()
	timer := time.AfterFunc(farewell, c.killed)
	defer timer.Stop()
	_ = c.stdin.Close() // it may be gone already
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("the process %d: %w", c.PID(), err)
	}
	return nil
}

// Serve answers the questions on in until it ends or ctx does. Each question is
// read into a new value by decode, and what answer returns is written, if it is
// not nil.
func Serve[Q any](ctx context.Context, in io.Reader, answer func(Q) (any, error), out *json.Encoder) error {
	for questions := json.NewDecoder(in); ; {
		var q Q
		if err := questions.Decode(&q); errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a question: %w", err)
		}
		a, err := answer(q)
		if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

// Self is the program that runs, for children that are roles of it.
func Self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("which program runs: %w", err)
	}
	return path, nil
}
