package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/kafkaclient"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/screen"
	"customer360/cmd/customer360/internal/web"
	"customer360/internal/instance"
	"customer360/internal/local/simulate"
	"customer360/internal/memorylimit"
)

// run is one `up`.
type run struct {
	options  Options
	folder   *folder
	log      *slog.Logger
	registry *prometheus.Registry
	servers  *servers
	world    *simulate.World
	serve    *pipeline.Server
	kafka    []kgo.Opt
	web      *web.Server
	started  time.Time
}

// memoryLimit is Go's soft limit for the whole process, servers included, in bytes:
// the garbage of a first load is not worth more of a developer's machine than its
// collection costs.
const memoryLimit = 1280 << 20

// errQuiet ends a --once run.
var errQuiet = errors.New("everything has arrived")

// Run is `up`: it returns when ctx ends (nil), when a --once run is done
// (nil), or when something failed for good.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	f, err := openFolder(o.Dir, o.Fresh)
	if err != nil {
		return err
	}
	defer f.close() //nolint:errcheck // the lock ends with the process at the latest
	r := &run{options: o, folder: f, started: o.Now()}
	closeLog, err := r.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	_, restore := memorylimit.Set(r.log, memoryLimit)
	defer restore()
	err = r.all(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // Ctrl-C while it was starting
	}
	if err == nil && screen.IsTerminal(o.Out) && !o.Once {
		fmt.Fprintln(o.Out, "\n  ended in order")
	}
	return err
}

// openLog writes to a file while the screen is shown, else to stderr.
func (r *run) openLog() (func(), error) {
	if !screen.IsTerminal(r.options.Out) {
		r.log = slog.New(slog.NewTextHandler(r.options.Err, nil))
		return func() {}, nil
	}
	file, err := os.OpenFile(r.folder.in(logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log: %w", err)
	}
	r.log = slog.New(slog.NewTextHandler(file, nil))
	return func() { _ = file.Close() }, nil
}

func (r *run) all(ctx context.Context) (err error) {
	if err := r.options.checkPorts(); err != nil {
		return err
	}
	password, err := r.folder.password()
	if err != nil {
		return fmt.Errorf("the password of the embedded Couchbase: %w", err)
	}
	if r.servers, err = startServers(ctx, r.folder, r.options, password, r.log); err != nil {
		return err
	}
	defer func() {
		if stopErr := r.servers.stop(); stopErr != nil {
			// What a server says about its end is the cause of the rest.
			err = stopErr
		}
	}()
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.servers.failed:
			cancel(errors.New("an embedded server has ended"))
		case <-work.Done():
		}
	}()
	slot, err := instance.Claim(r.folder.in(stateDir), "")
	if err != nil {
		return err
	}
	defer slot.Release() //nolint:errcheck // the lock ends with the process at the latest
	if err := r.prepare(work, slot); err != nil {
		return err
	}
	return r.work(work, cancel)
}

// prepare makes everything that starts together.
func (r *run) prepare(ctx context.Context, slot *instance.Slot) error {
	r.registry = prometheus.NewRegistry()
	r.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	seeds := config.Kafka{Brokers: []string{r.servers.broker.Addr()}}
	var err error
	if r.kafka, err = kafkaclient.Options(seeds); err != nil {
		return err
	}
	wc := simulate.DefaultConfig()
	wc.Dir, wc.CSVDir, wc.Seed, wc.Customers = r.folder.in(simulateDir), r.folder.in(loyaltyDir), r.options.Seed, r.options.Customers
	wc.Night, wc.EventsPerSecond, wc.Once, wc.Listen = r.options.Night, r.options.EventsPerSecond, r.options.Once, r.options.Store
	if r.world, err = simulate.New(wc, simulate.Deps{Log: r.log.With("part", "simulate"), Kafka: r.kafka, Now: r.simulated}); err != nil {
		return err
	}
	if err := r.world.Listen(); err != nil { // its address is written down before it answers
		return err
	}
	conf, err := r.configuration()
	if err != nil {
		return err
	}
	r.serve = pipeline.NewServer(r.registry, pipeline.Stages(), true)
	r.web = web.New(r.options.HTTP, r.options.Pprof, r.serve, r.serve.Parts)
	if err := r.web.Listen(); err != nil {
		return err
	}
	r.web.ServeStatus(r.serve.Status)
	if err := r.writeConfiguration(conf); err != nil {
		return err
	}
	if conf, err = r.loadConfiguration(); err != nil {
		return err
	}
	_, err = r.serve.Start(ctx, conf, pipeline.Deps{Log: r.log, Kafka: r.kafka, Instance: slot.Name, Dir: slot.Dir,
		HTTP: r.web.Advertised(""), Now: r.options.Now})
	return err
}

// simulated is the clock in the simulators' records. A --once run is told the
// same time always (that of the tutorial's sample), so that two runs write the
// same bytes.
func (r *run) simulated() time.Time {
	if r.options.Once {
		return time.UnixMilli(1556559563137)
	}
	return r.options.Now()
}

// work runs simulators, pipeline and what shows them, until ctx ends.
func (r *run) work(ctx context.Context, cancel context.CancelCauseFunc) error {
	g, gctx := errgroup.WithContext(ctx)
	sampler := &sampler{run: r, letters: letterCount{seen: map[string]struct{}{}}}
	sampler.snapshot = screen.Snapshot{Dir: r.folder.path, Started: r.started, State: "loading", Addresses: r.addresses(),
		Try: r.tryCommand()}
	g.Go(func() error { return r.world.Run(gctx) })
	g.Go(func() error { return r.serve.Run(gctx, r.loadConfiguration) })
	g.Go(func() error { return r.web.Run(gctx) })
	g.Go(func() error { return sampler.letters.follow(gctx, r.kafka) })
	g.Go(func() error { return sampler.loop(gctx) })
	if screen.IsTerminal(r.options.Out) {
		g.Go(func() error { return screen.Paint(gctx, r.options.Out, 500*time.Millisecond, sampler.get) })
	} else {
		g.Go(func() error { screen.Report(gctx, r.log, 5*time.Second, sampler.get); return nil })
	}
	if r.options.Once {
		r.serve.Pipeline().Poller().Freeze()
		g.Go(func() error {
			err := r.awaitQuiet(gctx)
			if err == nil {
				cancel(errQuiet)
			}
			return err
		})
	}
	err := g.Wait()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errQuiet):
		return errors.Join(err, r.result())
	case err == nil && cause != nil && !errors.Is(cause, context.Canceled):
		return cause
	}
	return err
}

func (r *run) tryCommand() string {
	dir := ""
	if r.options.Dir != DefaultOptions().Dir {
		dir = " --dir " + r.options.Dir
	}
	return "./bin/customer360 get" + dir + " matthew.groves@couchbase.com order::1 order::2"
}

func (r *run) addresses() []screen.Address {
	return []screen.Address{
		{Name: "Kafka", Where: r.servers.broker.Addr()},
		{Name: "Couchbase", Where: r.servers.node.ConnectionString() + "  user " + CouchbaseUser + ", password in " + r.folder.in(passwordFile)},
		{Name: "Store", Where: r.world.StoreURL()},
		{Name: "CSV folder", Where: r.folder.in(loyaltyDir)},
		{Name: "Metrics", Where: "http://" + r.web.Addr() + "/metrics  /healthz  /readyz"},
	}
}
