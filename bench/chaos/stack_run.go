package chaos

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"customer360/bench/stack"
	"customer360/internal/freeport"
	"customer360/internal/local/couchbase"
)

// StackConfig is a course on the real source systems.
type StackConfig struct {
	Binary    string // the customer360 program
	Scripts   string // the folder deploy/stack
	Dir       string // an empty folder for everything the run writes
	Seed      uint64
	Length    time.Duration // of the faults
	Patience  time.Duration // bounds each wait
	StepPause time.Duration // between two steps of the SQL writer under faults
}

// DefaultStackConfig is `make chaos-stack`, without program and folder.
func DefaultStackConfig() StackConfig {
	return StackConfig{Scripts: "deploy/stack", Seed: 1, Length: time.Minute, Patience: 5 * time.Minute, StepPause: 20 * time.Millisecond}
}

// Validate returns every mistake at once.
func (c StackConfig) Validate() error {
	var errs []error
	if c.Binary == "" {
		errs = append(errs, errors.New("no program: name customer360"))
	}
	if c.Dir == "" {
		errs = append(errs, errors.New("no folder"))
	}
	if _, err := os.Stat(filepath.Join(c.Scripts, "connect.sh")); err != nil {
		errs = append(errs, fmt.Errorf("no start scripts: %w", err))
	}
	if c.Length < 10*time.Second || c.Patience <= 0 || c.StepPause < 0 {
		errs = append(errs, errors.New("length (10 s or more), patience and pause must be positive"))
	}
	return errors.Join(errs...)
}

// stackRun is real source systems and Kafka, a Couchbase node in this process,
// and instances of the product, each behind links as in run.
type stackRun struct {
	*run
	cfg     StackConfig
	machine *stack.Machine
	db      *sql.DB
	writer  *stack.Writer
	loyalty *stack.Loyalty
	store   *stack.Store
	node    *couchbase.Node
	report  StackReport
	steps   atomic.Int64           // of churn
	struck  map[string]*sync.Mutex // by component: held while it has a fault
	ends    []func() error         // in reverse order
}

func newStackRun(cfg StackConfig, notes io.Writer) (*stackRun, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &run{cfg: Config{Binary: cfg.Binary, Dir: cfg.Dir, Patience: cfg.Patience}, notes: notes, begun: time.Now(), faults: map[Kind]int{}}
	r.settings = r.folder("customer360.yaml")
	return &stackRun{run: r, cfg: cfg, report: StackReport{Seed: cfg.Seed},
		struck: map[string]*sync.Mutex{"mariadb": {}, "kafka": {}, "connect": {}}}, nil
}

// begin starts everything, with rows, members and customers to begin with. After
// an error, too, end must be called.
func (s *stackRun) begin(ctx context.Context) error {
	free, err := freeport.Take(7)
	if err != nil {
		return err
	}
	s.ports = ports{kafka: free[0], couchbase: free[1], store: free[2], http: free[3]}
	s.machine = stack.New(s.cfg.Scripts, s.cfg.Dir, [4]int{free[4], free[0], free[5], free[6]})
	s.ends = append(s.ends, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Patience)
		defer cancel()
		return s.machine.End(ctx)
	})
	if err := s.startMachine(ctx); err != nil {
		return err
	}
	for _, start := range []func(context.Context) error{s.startNode, s.startStore, s.fill, s.startInstances} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end ends everything, newest first.
func (s *stackRun) end() error {
	var errs []error
	for i := len(s.ends) - 1; i >= 0; i-- {
		errs = append(errs, s.ends[i]())
	}
	s.ends = nil
	return errors.Join(errs...)
}

// startMachine starts what does not run.
func (s *stackRun) startMachine(ctx context.Context) error {
	for _, c := range s.machine.Components() {
		if err := s.within(ctx, "starting "+c.Name, c.Start); err != nil {
			return err
		}
	}
	return nil
}

// startNode starts the Couchbase node, which is not broken here: its buckets are
// read while it runs.
func (s *stackRun) startNode(ctx context.Context) error {
	password := rand.Text()
	if err := os.WriteFile(s.folder("couchbase.password"), []byte(password), 0o600); err != nil {
		return err
	}
	c := couchbase.DefaultConfig()
	c.Dir, c.Listen, c.Password = s.folder("couchbase"), address(0, s.ports.couchbase), password
	c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	node, err := couchbase.New(c, couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(running) }()
	select {
	case <-node.Ready():
	case err := <-ended:
		cancel()
		return fmt.Errorf("the Couchbase node: %w", err)
	case <-ctx.Done():
		cancel()
		return errors.Join(ctx.Err(), <-ended)
	}
	s.node = node
	s.ends = append(s.ends, func() error { cancel(); return <-ended })
	return nil
}

func (s *stackRun) startStore(context.Context) error {
	s.store = stack.NewStore(s.cfg.Seed)
	listener, err := net.Listen("tcp", address(0, s.ports.store))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.store, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.ends = append(s.ends, func() error {
		if err := errors.Join(server.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}

// fill makes what is there before anybody looks.
func (s *stackRun) fill(ctx context.Context) error {
	db, err := s.machine.Open()
	if err != nil {
		return err
	}
	s.db = db
	s.ends = append(s.ends, db.Close)
	if err := stack.Create(ctx, db); err != nil {
		return err
	}
	s.writer = stack.NewWriter(db, s.cfg.Seed)
	if err := os.Mkdir(s.folder("loyalty"), 0o700); err != nil {
		return err
	}
	s.loyalty = stack.NewLoyalty(s.folder("loyalty"), s.cfg.Seed)
	return errors.Join(s.writer.Steps(ctx, 200), s.loyalty.Night())
}

// startInstances makes the topics, and starts the connector and the instances.
func (s *stackRun) startInstances(ctx context.Context) error {
	settings := fmt.Sprintf(`state_dir: %q
kafka:
  brokers: [%q]
couchbase:
  connection_string: %q
  username: Administrator
  password_file: %q
loyalty:
  folder: %q
  stable: 300ms
  poll: 1s
  hold_share: 1
online_store:
  url: %q
  requests_per_second: 400
`, s.folder("state"), s.machine.Broker(), "couchbase://"+address(0, s.ports.couchbase), s.folder("couchbase.password"),
		s.folder("loyalty"), "http://"+address(0, s.ports.store)+stack.Path)
	if err := os.WriteFile(s.settings, []byte(settings), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.cfg.Binary, "topics", "create", "--config", s.settings)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("customer360 topics create: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := s.openLinks(); err != nil {
		return err
	}
	s.ends = append(s.ends, func() error {
		for _, links := range s.links {
			for _, l := range links {
				l.close()
			}
		}
		return nil
	})
	if err := s.within(ctx, "starting the connector", func(ctx context.Context) error { return s.machine.Register(ctx, nil) }); err != nil {
		return err
	}
	s.processes = []*process{nil} // 0 is up, which there is none of
	for i := range runs {
		p := s.runProcess(i + 1)
		log, err := os.OpenFile(s.folder(p.name+".log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		p.log = struct{ io.Writer }{log}
		p.start()
		s.processes = append(s.processes, p)
		s.ends = append(s.ends, func() error { p.abandon(); return log.Close() })
	}
	return s.within(ctx, "the start of the instances", s.awaitInstances)
}

func (s *stackRun) awaitInstances(ctx context.Context) error { return s.awaitReady(ctx, 1, 2, 3) }
