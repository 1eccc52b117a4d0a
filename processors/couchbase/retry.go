package couchbase

import (
	"context"
	"math/rand/v2"
	"time"
)

// attempts counts what went wrong with one key and says how long to wait.
type attempts struct {
	cfg           Config
	failed, races int
}

func (a *attempts) reset() { *a = attempts{cfg: a.cfg} }

// wait sleeps after a failure: doubling, with jitter so that the workers do not
// come back all at once. While other operations go through it is never long, and
// the end of an outage ends it.
func (a *attempts) wait(ctx context.Context, h *health) bool {
	during := h.watch(ctx)
	d := backoff(a.cfg, a.failed)
	if during == ctx {
		d = min(d, max(a.cfg.RetryMax/wellShare, a.cfg.RetryBackoff))
	}
	a.failed++
	return sleep(during, d) || ctx.Err() == nil
}

// wellShare divides the longest wait while there is no outage.
const wellShare = 10

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
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter
}
