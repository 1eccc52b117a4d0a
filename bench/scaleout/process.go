package scaleout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is one `customer360 run`.
type process struct {
	name  string
	state string // folder
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	err   error // of the end, valid after ended
	usage Usage // valid after ended
}

// Usage is what a process took, from its start to its end.
type Usage struct {
	CPU         time.Duration `json:"cpu_ns"`
	MemoryBytes int64         `json:"memory_bytes"` // the largest resident set
}

func (m *machine) run(name string) error {
	p := &process{name: name, state: filepath.Join(m.dir, "state-"+name), ended: make(chan struct{})}
	var err error
	if p.log, err = os.OpenFile(filepath.Join(m.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	p.cmd = exec.Command(m.cfg.Binary, "run", "--config", m.configuration(), "--only", m.cfg.Parts)
	p.cmd.Env = append(os.Environ(), "CUSTOMER360_INSTANCE="+name, "CUSTOMER360_STATE_DIR="+p.state)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return errors.Join(err, p.log.Close())
	}
	go func() {
		p.err = p.cmd.Wait()
		state := p.cmd.ProcessState
		p.usage = Usage{CPU: state.UserTime() + state.SystemTime(), MemoryBytes: peak(state)}
		_ = p.log.Close() // it is for people
		close(p.ended)
	}()
	m.processes = append(m.processes, p)
	return nil
}

func (m *machine) process(name string) *process {
	for _, p := range m.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (m *machine) forget(gone *process) {
	var rest []*process
	for _, p := range m.processes {
		if p != gone {
			rest = append(rest, p)
		}
	}
	m.processes = rest
}

// stop is SIGTERM, and waits for the end in order.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it has ended
	select {
	case <-p.ended:
	case <-time.After(2 * time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.err != nil {
		return fmt.Errorf("%s ended with: %w (see %s)", p.name, p.err, p.log.Name())
	}
	return nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s has ended by itself: %w (see %s)", p.name, p.err, p.log.Name())
	default:
		return nil
	}
}

// stateBytes are the files of local state.
func (p *process) stateBytes() (total int64, err error) {
	err = filepath.WalkDir(p.state, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total, err
}

// command runs one command of the product and returns what it printed.
func (m *machine) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, m.cfg.Binary, append(args, "--config", m.configuration())...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("customer360 %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errOut.Bytes()))
	}
	return out.Bytes(), nil
}

// groups is what `customer360 status --output json` says, as far as it is used.
type groups []struct {
	Group, Stage string
	Unassigned   int
	Members      []struct {
		Instance            string
		Partitions, Standby []int32
		Says                *struct {
			State    string
			Standbys []struct{ Current bool }
		}
	}
}

func (m *machine) status(ctx context.Context) (groups, error) {
	out, err := m.command(ctx, "status", "--output", "json")
	var report struct{ Groups groups }
	if json.Unmarshal(out, &report) != nil { // the poller's group has no members: exit code 1, and the report
		return nil, errors.Join(errors.New("no report"), err)
	}
	return report.Groups, nil
}

// settled says whether all groups are shared by these instances, which work; with
// copies, all of them are current too. owners are those of merge's partitions.
func (g groups) settled(cfg Config, instances int) (owners map[int32]string, why string) {
	owners = map[int32]string{}
	for _, group := range g {
		if !cfg.runs(group.Stage) {
			continue
		}
		if len(group.Members) != instances || group.Unassigned > 0 {
			return nil, fmt.Sprintf("%s has %d members and %d partitions without one", group.Group, len(group.Members), group.Unassigned)
		}
		for _, member := range group.Members {
			if member.Says == nil || member.Says.State != "running" {
				return nil, fmt.Sprintf("%s does not run %s yet", member.Instance, group.Group)
			}
			current := 0
			for _, c := range member.Says.Standbys {
				if c.Current {
					current++
				}
			}
			if current != len(member.Standby) {
				return nil, fmt.Sprintf("%s has %d of %d copies of %s", member.Instance, current, len(member.Standby), group.Group)
			}
			if group.Stage == "merge" {
				for _, p := range member.Partitions {
					owners[p] = member.Instance
				}
			}
		}
	}
	return owners, ""
}
