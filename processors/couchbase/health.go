package couchbase

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// health knows whether operations go through at all. It says once that they do
// not, reminds now and then, and says when they do again. From patience after the
// last success on it is an outage; the first success ends it, and with it all
// waiting and all operations that were sent into it and would be waited for until
// their timeout.
type health struct {
	log *slog.Logger

	mu     sync.Mutex
	since  time.Time // zero: all is well
	said   time.Time
	failed int
	outage context.Context // nil: none
	end    context.CancelFunc
}

const (
	patience = time.Second // shorter troubles are a matter of metrics
	reminder = 30 * time.Second
)

func (h *health) bad(ctx context.Context, t Target, what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.failed++; h.since.IsZero() {
		h.since = now
	}
	if now.Sub(h.since) < patience {
		return
	}
	if h.outage == nil {
		h.outage, h.end = context.WithCancel(ctx)
	}
	if now.Sub(h.said) < reminder {
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
	if h.outage != nil {
		h.end()
	}
	h.since, h.said, h.failed, h.outage, h.end = time.Time{}, time.Time{}, 0, nil, nil
}

// watch is the context for what is begun now: in an outage one that ends with it.
func (h *health) watch(ctx context.Context) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.outage == nil || h.outage.Err() != nil {
		return ctx
	}
	return h.outage
}
