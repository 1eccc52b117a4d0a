package chaos

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// run is one course.
type run struct {
	cfg       Config
	settings  string // the configuration's file that run processes read
	ports     ports
	links     [][]*link  // by run process (from 0) and service
	processes []*process // up, then the run processes
	clocks    bool
	took      map[string][]time.Duration // takeovers, by way

	mu     sync.Mutex
	notes  io.Writer
	begun  time.Time
	faults map[Kind]int
}

// Run plays the course. The error is of something that did not work; a report
// with differences is none. notes gets a line for each fault.
func Run(ctx context.Context, cfg Config, notes io.Writer) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	r := &run{cfg: cfg, notes: notes, begun: time.Now(), faults: map[Kind]int{}, took: map[string][]time.Duration{}}
	r.settings = filepath.Join(r.folder("up"), "customer360.yaml")
	report := Report{Seed: cfg.Seed, Seconds: cfg.Length.Seconds()}
	err := r.course(ctx)
	report.Faults = r.faults
	for _, p := range r.processes {
		report.Exits += len(p.ended())
	}
	report.Takeover = sum(r.took)
	if err == nil {
		err = r.within(ctx, "judging", func(ctx context.Context) error { return r.judge(ctx, &report) })
	}
	return report, err
}

// course is everything up to the settled end; no process is left behind.
func (r *run) course(ctx context.Context) (err error) {
	if r.ports, err = freePorts(); err != nil {
		return err
	}
	defer func() {
		for _, links := range r.links {
			for _, l := range links {
				l.close()
			}
		}
	}()
	if err := r.openLinks(); err != nil {
		return err
	}
	if err := probeClock(r.cfg.Binary); err != nil {
		r.note("no clock jumps: %v", err)
	} else {
		r.clocks = true
	}
	r.processes = append(r.processes, r.process("up", r.upArgs(false)))
	for i := range runs {
		r.processes = append(r.processes, r.runProcess(i+1))
	}
	for i, p := range r.processes {
		log, err := os.OpenFile(r.folder(p.name+".log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer log.Close()                //nolint:errcheck // a log of the test
		p.log = struct{ io.Writer }{log} // not a file: the process gets a pipe
		p.start()
		defer p.abandon()
		if i > 0 {
			continue
		}
		if err := r.within(ctx, "the start", func(ctx context.Context) error { return r.awaitReady(ctx, 0) }); err != nil {
			return err
		}
	}
	if err := r.within(ctx, "the start", func(ctx context.Context) error { return r.awaitReady(ctx, 1, 2, 3) }); err != nil {
		return err
	}
	if err := r.strike(ctx); err != nil {
		return err
	}
	if err := r.takeovers(ctx); err != nil {
		return err
	}
	return r.settle(ctx)
}

// strike plays the plan.
func (r *run) strike(ctx context.Context) error {
	r.note("the faults begin")
	within, over := context.WithTimeout(ctx, r.cfg.Length)
	defer over()
	begun := time.Now()
	var playing sync.WaitGroup
	for _, s := range plan(r.cfg.Seed, r.cfg.Length, len(runs), kinds(r.clocks)) {
		select {
		case <-within.Done():
		case <-time.After(time.Until(begun.Add(s.At))):
			playing.Go(func() { r.play(within, s) })
		}
	}
	<-within.Done()
	playing.Wait()
	r.note("the faults are over")
	return ctx.Err()
}

func (r *run) process(name string, args []string) *process {
	return &process{name: name, binary: r.cfg.Binary, args: args, shifted: r.clocks}
}

func (r *run) folder(name string) string { return filepath.Join(r.cfg.Dir, name) }

// note says what happens, with the seconds since the start.
func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.notes, "%6.1f  %s\n", time.Since(r.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (r *run) count(k Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[k]++
}

// probeClock says whether this machine lets us set the clock of a process.
func probeClock(binary string) error {
	cmd := exec.Command(binary, "version")
	cmd.SysProcAttr = dieWithUs()
	if _, err := startShifted(cmd, maxJump); err != nil {
		return err
	}
	return cmd.Wait()
}
