package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/topology/generation"
)

// The test binary is a pipeline when this is set: to a told, as JSON.
const asPipeline = "CUSTOMER360_TEST_AS_PIPELINE"

// told is what a process needs to know. Secrets stay out of it.
type told struct {
	Config        config.Config
	Instance, Dir string
	Stages        []string
	Next          *config.Config // what the file says at the next look; nil: the same
	Do            string         // rebuild, promote; "": run
}

// child is the process: it ends at SIGTERM as `run` does, and with its parent.
func child(text string) int {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	var is told
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		log.Error("what it is told", "error", err)
		return 1
	}
	is.Config.Couchbase.Username, is.Config.Couchbase.Password = couchbasetest.Username, couchbasetest.Password
	deps := Deps{Log: log.With("process", is.Instance), Registry: prometheus.NewRegistry(), Instance: is.Instance,
		Dir: is.Dir, Kafka: []kgo.Opt{kgo.SeedBrokers(is.Config.Kafka.Brokers...)}}
	if err := is.do(ctx, deps); err != nil {
		log.Error("ended", "error", err)
		return 1
	}
	return 0
}

func (is *told) do(ctx context.Context, deps Deps) error {
	switch is.Do {
	case "rebuild":
		r, err := NewRebuild(ctx, is.Config, deps, generation.Replay{})
		if err != nil {
			return err
		}
		return r.Run(ctx, func(Progress) {})
	case "promote":
		_, err := Promote(ctx, is.Config, deps, func(Progress) {}, func(string) {})
		return err
	}
	s := NewServer(prometheus.NewRegistry(), is.Stages, false)
	if _, err := s.Start(ctx, is.Config, deps); err != nil {
		return err
	}
	return s.Run(ctx, func() (config.Config, error) {
		if is.Next != nil {
			is.Config = *is.Next
			is.Config.Couchbase.Username, is.Config.Couchbase.Password = couchbasetest.Username, couchbasetest.Password
		}
		return is.Config, nil
	})
}

// process is an instance in a process of its own, which can be killed and paused.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	instance string
	exited   chan struct{}
	err      error // once exited
}

// process starts an instance of all stages unless told otherwise.
func (c *cluster) process(instance string, stages ...string) *process {
	c.t.Helper()
	if len(stages) == 0 {
		stages = Stages()
	}
	setup, err := c.new(c.config, instance, stages...) // for the topics
	if err != nil {
		c.t.Fatalf("making the pipeline: %v", err)
	}
	c.followed(setup)
	return c.spawn(told{Config: c.config, Instance: instance, Dir: c.in(instance), Stages: stages})
}

// spawn starts a process that does what it is told.
func (c *cluster) spawn(is told) *process {
	c.t.Helper()
	text, err := json.Marshal(is)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &process{t: c.t, cmd: exec.Command(os.Args[0]), instance: is.Instance, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asPipeline+"="+string(text))
	p.cmd.Stderr = c.t.Output()
	if _, err := p.cmd.StdinPipe(); err != nil { // closed when this process ends, however it does
		c.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
	}()
	c.t.Cleanup(p.kill)
	return p
}

// kill ends it as kill -9 does, and returns when nothing of it is left.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%v of process %s: %v", s, p.instance, err)
	}
}

// pause and resume are SIGSTOP and SIGCONT.
func (p *process) pause()  { p.signal(sigStop) }
func (p *process) resume() { p.signal(sigCont) }

// stop ends it in order.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if err := p.wait(); err != nil {
		p.t.Fatalf("process %s: %v", p.instance, err)
	}
}

// wait waits for the process's own end.
func (p *process) wait() error {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.err
	case <-time.After(deadline):
		return errors.New("did not end")
	}
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// mustLive fails the test when the process has ended.
func (p *process) mustLive() {
	p.t.Helper()
	if !p.alive() {
		p.t.Fatal(fmt.Errorf("process %s ended: %w", p.instance, p.err))
	}
}
