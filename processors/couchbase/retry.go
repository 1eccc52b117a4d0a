package couchbase

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// attempts counts what went wrong with one key and says how long to wait.
type attempts struct {
	cfg           Config
	failed, races int
}

func (a *attempts) reset() { *a = attempts{cfg: a.cfg} }

// wait sleeps after a failure: doubling, with jitter so that the workers do not
// come back all at once.
func (a *attempts) wait(ctx context.Context) bool {
	d := backoff(a.cfg, a.failed)
	a.failed++
	return sleep(ctx, d)
}

// raced sleeps only where a race is lost again and again.
func (a *attempts) raced(ctx context.Context) bool {
	if a.races++; a.races <= 2 {
		return true
	}
	return sleep(ctx, backoff(a.cfg, min(a.races-3, 4)))
}

func backoff(cfg Config, n int) time.Duration {
	d := cfg.RetryMax
	if n < 16 {
		d = min(d, cfg.RetryBackoff<<n)
	}
	return d/2 + rand.N(d/2+1)
}

// health says once that Couchbase does not take writes, reminds now and then,
// and says when it does again.
type health struct {
	log *slog.Logger

	mu     sync.Mutex
	since  time.Time // zero: all is well
	said   time.Time
	failed int
}

const (
	patience = time.Second // shorter troubles are a matter of metrics
	reminder = 30 * time.Second
)

func (h *health) bad(t Target, what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.failed++; h.since.IsZero() {
		h.since = now
	}
	if now.Sub(h.since) < patience || now.Sub(h.said) < reminder {
		return
	}
	h.said = now
	h.log.Warn("Couchbase does not take operations, trying again until it does", "target", t.String(), "operation", what,
		"failed", h.failed, "since", h.since.Format(time.RFC3339), "class", classify(err).String(), "error", brief(err))
}

func (h *health) good() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.said.IsZero() {
		h.log.Info("Couchbase takes operations again", "after", time.Since(h.since).Round(time.Millisecond), "failed", h.failed)
	}
	h.since, h.said, h.failed = time.Time{}, time.Time{}, 0
}
