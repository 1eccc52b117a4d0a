package plant

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/stack"
	"customer360/internal/freeport"
	"customer360/topology"
)

// Plant is one cluster, and what runs on it.
type Plant struct {
	Config
	Dir    string // of this plant
	Broker string // host:port
	Kafka  []kgo.Opt
	Graph  topology.Graph // of the first generation

	couchbase string // host:port
	kafka     *stack.Component
	processes []*Process
}

// New starts a broker that has the product's topics.
func New(ctx context.Context, cfg Config) (_ *Plant, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Plant{Config: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.End())
		}
	}()
	if p.Dir, err = os.MkdirTemp(cfg.Dir, "customer360-plant-"); err != nil {
		return nil, fmt.Errorf("a folder for the plant: %w", err)
	}
	settings := topology.DefaultSettings()
	settings.Partitions = cfg.Partitions
	if p.Graph, err = topology.New(settings); err != nil {
		return nil, err
	}
	ports, err := freeport.Take(5)
	if err != nil {
		return nil, err
	}
	machine := stack.New(cfg.Scripts, p.Dir, [4]int(ports))
	p.kafka, p.Broker, p.couchbase = machine.Kafka, machine.Broker(), freeport.Local(ports[4])
	p.Kafka = []kgo.Opt{kgo.SeedBrokers(p.Broker), kgo.DisableClientMetrics()}
	if err := p.kafka.Start(ctx); err != nil {
		return nil, err
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	_, err = p.Command(ctx, "topics", "create")
	return p, err
}

func (p *Plant) configuration() string { return filepath.Join(p.Dir, "customer360.yaml") }
func (p *Plant) passwordFile() string  { return filepath.Join(p.Dir, "couchbase.password") }

func (p *Plant) configure() error {
	interval := ""
	if p.CommitInterval > 0 {
		interval = fmt.Sprintf("  commit_interval: %v\n", p.CommitInterval)
	}
	folder := filepath.Join(p.Dir, "loyalty")
	text := fmt.Sprintf("standbys: %d\nkafka:\n  brokers: [%q]\n  partitions: %d\n  replication_factor: 1\n%scouchbase:\n  connection_string: %q\n  username: %s\n  password_file: %q\nloyalty:\n  folder: %q\n",
		p.Standbys, p.Broker, p.Partitions, interval, "couchbase://"+p.couchbase, user, p.passwordFile(), folder)
	return errors.Join(os.WriteFile(p.configuration(), []byte(text), 0o600), os.MkdirAll(folder, 0o700),
		os.WriteFile(p.passwordFile(), []byte(rand.Text()), 0o600))
}

// Run starts an instance of the product. only are its parts, "" for all.
func (p *Plant) Run(name, only string, env ...string) (*Process, error) {
	ports, err := freeport.Take(1)
	if err != nil {
		return nil, err
	}
	args := []string{"run", "--config", p.configuration()}
	if only != "" {
		args = append(args, "--only", only)
	}
	env = append(env, "CUSTOMER360_INSTANCE="+name, "CUSTOMER360_STATE_DIR="+p.State(name), "CUSTOMER360_HTTP_LISTEN="+freeport.Local(ports[0]))
	q, err := p.Start(name, env, p.Binary, args...)
	if err == nil {
		q.HTTP = "http://" + freeport.Local(ports[0])
	}
	return q, err
}

// Product starts a command of the product that is not `run`, with a state of its
// own.
func (p *Plant) Product(name string, args ...string) (*Process, error) {
	env := []string{"CUSTOMER360_INSTANCE=" + name, "CUSTOMER360_STATE_DIR=" + p.State(name), "CUSTOMER360_HTTP_LISTEN=127.0.0.1:0"}
	return p.Start(name, env, p.Binary, append(args, "--config", p.configuration())...)
}

// State is the folder of an instance's local state.
func (p *Plant) State(name string) string { return filepath.Join(p.Dir, "state-"+name) }

// Command runs one command of the product and returns what it printed.
func (p *Plant) Command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.Binary, append(args, "--config", p.configuration())...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("customer360 %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errOut.Bytes()))
	}
	return out.Bytes(), nil
}

// BrokerUsage is the broker's.
func (p *Plant) BrokerUsage() (Usage, error) {
	text, err := os.ReadFile(filepath.Join(p.Dir, "kafka", "kafka.pid"))
	if err != nil {
		return Usage{}, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return Usage{}, err
	}
	return usageOf(pid)
}

// Forget leaves a process that has ended out of what End stops.
func (p *Plant) Forget(gone *Process) {
	var rest []*Process
	for _, q := range p.processes {
		if q != gone {
			rest = append(rest, q)
		}
	}
	p.processes = rest
}

// End stops what runs, the last started first, and removes the folder unless
// something did not end in order.
func (p *Plant) End() error {
	var errs []error
	for i := len(p.processes) - 1; i >= 0; i-- {
		errs = append(errs, p.processes[i].Stop())
	}
	p.processes = nil
	if p.kafka != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		errs = append(errs, p.kafka.Stop(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if p.Dir == "" {
		return nil
	}
	return os.RemoveAll(p.Dir)
}

// Await looks until it is done, fails, or patience is over.
func (p *Plant) Await(ctx context.Context, every time.Duration, look func() (done bool, why string, err error)) error {
	for end := time.Now().Add(p.Patience); ; {
		done, why, err := look()
		switch {
		case err != nil || done:
			return err
		case time.Now().After(end):
			return fmt.Errorf("after %v: %s", p.Patience, why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
