package csvdir

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Importer watches a folder and imports its newest file.
type Importer struct {
	cfg     Config
	deps    Deps
	metrics *metrics

	mu     sync.Mutex
	folder *folder
	status Status
	ready  bool // loyalty.files was read to its end in this session
	looked bool // the folder was looked at, and all of it decided about or waited for
	ledger func(func(*ledger))

	// Of the session, and only of its goroutine.
	patience time.Duration // Takeover, and longer each time the fence was lost
	pause    time.Time     // a lost fence: leave it to the other one until then
	told     []string      // links out of the folder that were warned of
}

// New returns an importer that has started nothing.
func New(cfg Config, deps Deps) (*Importer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("csvdir: %w", err)
	}
	deps = deps.complete()
	m, err := newMetrics(deps.Registry)
	if err != nil {
		return nil, fmt.Errorf("csvdir: %w", err)
	}
	return &Importer{
		cfg: cfg, deps: deps, metrics: m, patience: cfg.Takeover,
		folder: &folder{cfg: cfg}, status: Status{State: Starting},
	}, nil
}

// Bounds of the wait between two sessions.
const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// Run imports until ctx ends, and returns nil then. Where the broker or a disk
// is away it starts over, waiting longer each time. An error is one that no
// retry heals: authorisation, missing topics, a folder that cannot be made.
func (i *Importer) Run(ctx context.Context) error {
	if err := os.MkdirAll(i.cfg.StateDir, 0o700); err != nil {
		return fmt.Errorf("csvdir: the importer's own folder: %w", err)
	}
	i.sweep()
	backoff := minBackoff
	for {
		begun := time.Now()
		err := i.session(ctx)
		i.update(func() { i.ready, i.looked, i.ledger = false, false, nil })
		if ctx.Err() != nil {
			i.update(func() { i.status.State = Stopped })
			return nil
		}
		if fatal(err) {
			i.update(func() { i.status.State, i.status.Problem = Stopped, err.Error() })
			return fmt.Errorf("csvdir: %w", err)
		}
		if time.Since(begun) > time.Minute {
			backoff = minBackoff
		}
		i.metrics.errors.Inc()
		i.update(func() { i.status.State, i.status.Problem = Away, err.Error() })
		i.deps.Log.Warn("the importer starts over", "error", err, "in", backoff)
		sleep(ctx, time.Duration(float64(backoff)*(0.75+rand.Float64()/2))) //nolint:gosec // jitter
		backoff = min(2*backoff, maxBackoff)
	}
}

// sweep removes what killed imports of this instance have left behind.
func (i *Importer) sweep() {
	left, _ := filepath.Glob(filepath.Join(i.cfg.StateDir, "work-*"))
	for _, dir := range left {
		mine, _ := filepath.Match(workPrefix(i.cfg.Instance)+"*", filepath.Base(dir))
		info, err := os.Stat(dir)
		if mine || err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}

// session follows loyalty.files and works on the folder until something fails.
func (i *Importer) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	follower, err := newFollower(i.deps.Kafka, i.deps.Log)
	if err != nil {
		return err
	}
	defer follower.close()
	if err := follower.require(ctx); err != nil {
		return err
	}
	following, followed := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(followed)
		following <- follower.run(ctx)
	}()
	defer func() { cancel(); <-followed }()
	if err := follower.stable(ctx); err != nil {
		return err
	}
	i.update(func() { i.ready, i.ledger, i.status.State, i.status.Problem = true, follower.with, Idle, "" })

	events := newWatcher(i.cfg.Dir, i.deps.Log)
	defer events.close()
	for {
		wait, err := i.round(ctx, follower)
		if err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case err := <-following:
			if err == nil {
				err = errors.New("following loyalty.files ended")
			}
			timer.Stop()
			return err
		case <-events.wake(): // writes come in crowds; the next look tells
			sleep(ctx, 20*time.Millisecond)
		case <-follower.changed:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
		events.renew()
	}
}

func (i *Importer) update(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
