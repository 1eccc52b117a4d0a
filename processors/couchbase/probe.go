package couchbase

import (
	"context"
	"log/slog"
	"time"
)

// probeKey is written and removed at every start; its tombstone stays.
const probeKey = "_customer360_probe"

// probe does every kind of fenced operation once, so that a missing right
// (SystemXattrWrite) or an old server shows before the first document does, and
// not as a dead letter. It waits while the server does not take operations.
// Instances that start together race for the key like any writers.
func probe(ctx context.Context, st store, target Target, cfg Config, log *slog.Logger) error {
	a, h := &attempts{cfg: cfg}, &health{log: log}
	for _, body := range [][]byte{[]byte(`{"type":"probe"}`), nil, []byte(`{"type":"probe"}`), nil} {
		if err := probeUntil(ctx, st, probeKey, body, target, a, h); err != nil {
			return err
		}
	}
	h.good()
	log.Info("Couchbase takes fenced writes and removals", "address", cfg.address(), "target", target.String(), "key", probeKey)
	return nil
}

// probeUntil tries one operation until it is done; nil is a removal.
func probeUntil(ctx context.Context, st store, key string, body []byte, target Target, a *attempts, h *health) error {
	for {
		err := probeOnce(ctx, st, key, body)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case classify(err) == fatal, classify(err) == refused:
			return explain(err, a.cfg, target)
		case classify(err) == lost:
			if !a.raced(ctx) {
				return ctx.Err()
			}
			continue
		}
		h.bad(ctx, target, "probe", err)
		if !a.wait(ctx, h) {
			return ctx.Err()
		}
	}
}

// probeExpiry clears away what a crash in between leaves. It goes out as a
// duration: a time by a clock that is behind the server's would be over already.
const probeExpiry = time.Minute

func probeOnce(ctx context.Context, st store, key string, body []byte) error {
	known, err := st.lookup(ctx, key)
	if err != nil {
		return err
	}
	m := mutation{body: body, fence: Fence{0, known.fence.Offset + 1}}
	if body != nil {
		m.expiry = uint32(probeExpiry / time.Second)
	}
	// By way of a tombstone: inserts are tried by themselves (probeInsert).
	way := rules{reserve: true}
	for s := plan(known, m, way); s.writes(); s = plan(known, m, way) {
		op := m
		op.fence = carries(s, known, m)
		cas, err := st.operate(ctx, key, s, known.cas, op)
		if err != nil {
			return err
		}
		known = after(s, known, op.fence, cas)
	}
	return nil
}
