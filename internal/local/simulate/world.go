package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"customer360/internal/instance"
)

// World is the three source systems.
type World struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	file  progressFile
	ready chan struct{}
	url   atomic.Value // string, once the store listens

	listener net.Listener // nil before Listen, and where no store is played

	mu       sync.RWMutex // guards everything below but store's own counters
	progress progress
	home     *home
	shop     *shop
	loyalty  *loyalty
	members  int64 // lines of the last export

	store *store
	batch int // rows of the snapshot acknowledged at once
}

// New reads the folder's progress and replays what happened up to it. It starts
// nothing and writes nothing.
func New(cfg Config, deps Deps) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	people, err := newPopulation(cfg.Seed, cfg.Customers)
	if err != nil {
		return nil, err
	}
	w := &World{
		cfg: cfg, deps: deps, log: deps.Log, file: progressFile{cfg.Dir}, ready: make(chan struct{}), batch: snapshotBatch,
		home: newHome(people), shop: newShop(people), loyalty: newLoyalty(people),
	}
	w.store = &store{mu: &w.mu, shop: w.shop}
	if w.progress, err = w.file.load(cfg.Seed, cfg.Customers); err != nil {
		return nil, err
	}
	if cfg.Topic != "" && !w.progress.Loaded && w.progress.Step > 0 {
		return nil, fmt.Errorf("%s was played without Home Delivery so far: its snapshot would lack what happened since; start with a fresh folder", cfg.Dir)
	}
	for step := int64(1); step <= w.progress.Step; step++ {
		w.happen(step)
	}
	for range w.progress.Night {
		w.loyalty.sleep()
	}
	for range w.loyalty.members {
		w.members++
	}
	return w, nil
}

// Run plays the three systems until ctx ends (nil), or one of them fails.
func (w *World) Run(ctx context.Context) error {
	for _, dir := range []string{w.cfg.Dir, w.cfg.CSVDir} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making a folder of the simulator: %w", err)
		}
	}
	lock, err := instance.Lock(filepath.Join(w.cfg.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("the simulator's folder: %w", err)
	}
	defer lock.Close() //nolint:errcheck // the lock ends with the process at the latest
	if err := w.Listen(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if w.listener != nil {
		group.Go(func() error { return w.serveStore(ctx, w.listener) })
	}
	if w.cfg.CSVDir != "" {
		group.Go(func() error { return w.exportNightly(ctx) })
	}
	group.Go(func() error { return w.play(ctx) })
	close(w.ready)
	w.log.Info("the source systems run", "store", w.StoreURL(), "csv", w.cfg.CSVDir, "topic", w.cfg.Topic,
		"customers", w.cfg.Customers, "seed", w.cfg.Seed)
	return group.Wait()
}

// Listen takes the Online Store's port, where one is played and Run has not taken it
// yet: StoreURL is known afterwards, and Run answers there.
func (w *World) Listen() (err error) {
	if w.cfg.Listen == "" || w.listener != nil {
		return nil
	}
	if w.listener, err = net.Listen("tcp", w.cfg.Listen); err != nil {
		return fmt.Errorf("the Online Store cannot listen on %s: %w", w.cfg.Listen, err)
	}
	w.url.Store("http://" + w.listener.Addr().String() + StorePath)
	return nil
}

// serveStore answers until ctx ends.
func (w *World) serveStore(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: w.store, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn),
		// A fault's delay ends with the world.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close() //nolint:errcheck // the process ends
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the Online Store on %s: %w", listener.Addr(), err)
	}
	<-ctx.Done()
	return nil
}

// Ready is closed when the Online Store listens, where it is played.
func (w *World) Ready() <-chan struct{} { return w.ready }

// StoreURL is the base of the three endpoints, without a trailing slash; empty
// before Listen or Ready.
func (w *World) StoreURL() string {
	url, _ := w.url.Load().(string)
	return url
}

// Handler is the Online Store without its listener.
func (w *World) Handler() http.Handler { return w.store }

// SetFault lets the Online Store misbehave from now on; the zero Fault ends it.
func (w *World) SetFault(fault Fault) { w.store.faults.set(fault) }

// Status is how far the world has come.
type Status struct {
	SnapshotRows, SnapshotTotal int64 // of Home Delivery
	Loaded                      bool  // the snapshot is complete and a first export was dropped, where they are played
	Nights                      int64 // exports of Loyalty
	CSVRows                     int64 // in the last of them
	Requests                    int64 // to the Online Store, by this process
	Events                      int64 // in Home Delivery and Online Store since the snapshot
}

// Status may be called at any time.
func (w *World) Status() Status {
	w.mu.RLock()
	defer w.mu.RUnlock()
	s := Status{
		SnapshotTotal: w.home.p.rowCount(), Nights: w.progress.Night, CSVRows: w.members,
		Loaded:   (w.progress.Loaded || w.cfg.Topic == "") && (w.progress.Night > 0 || w.cfg.CSVDir == ""),
		Requests: w.store.requests.Load(), Events: w.progress.Step,
	}
	s.SnapshotRows = s.SnapshotTotal
	if !w.progress.Loaded {
		s.SnapshotRows = min(w.home.p.rowsBelow(w.progress.Snapshot), s.SnapshotTotal)
	}
	return s
}
