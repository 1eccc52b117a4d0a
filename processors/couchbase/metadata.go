package couchbase

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// FileKeyPrefix precedes a loyalty file's key in the bucket of metadata.
const FileKeyPrefix = "loyalty-file::"

// Metadata copies the history of loyalty files from its compacted topic into a
// bucket, for people to look at. Nothing reads it back, so it is plain: it reads
// the topic from its start and writes what it reads, without fences and offsets.
type Metadata struct {
	cfg   Config
	deps  Deps
	meter *meter

	mu sync.Mutex
	at int64 // offset that was written last, -1 before
}

// NewMetadata starts nothing.
func NewMetadata(cfg Config, deps Deps) (*Metadata, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	meter, err := newMeter(deps.Registry, "metadata")
	if err != nil {
		return nil, fmt.Errorf("couchbase: metrics: %w", err)
	}
	return &Metadata{cfg: cfg, deps: deps, meter: meter, at: -1}, nil
}

// Run copies until ctx ends, which is no error. It ends with an error when
// address, names or rights are wrong.
func (m *Metadata) Run(ctx context.Context) error {
	client := m.deps.Client
	if client == nil {
		var err error
		if client, err = m.deps.connect(ctx, m.cfg, m.cfg.Metadata); err != nil {
			return unlessOver(ctx, err)
		}
		defer client.Close()
	}
	bucket, err := client.bucket(ctx, m.cfg.Metadata)
	if err != nil {
		return unlessOver(ctx, err)
	}
	t := m.cfg.Metadata.withDefaults()
	col := bucket.Scope(t.Scope).Collection(t.Collection)
	kafka, err := kgo.NewClient(append(m.deps.Kafka[:len(m.deps.Kafka):len(m.deps.Kafka)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topology.FilesTopic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableClientMetrics())...)
	if err != nil {
		return fmt.Errorf("couchbase: reading %s: %w", topology.FilesTopic, err)
	}
	defer kafka.Close()
	h := health{log: m.deps.Log}
	for {
		fetches := kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			m.deps.Log.Debug("reading the history of loyalty files", "topic", e.Topic, "error", e.Err)
			if !sleep(ctx, m.cfg.RetryMax) {
				return nil
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			if err := m.copy(ctx, col, it.Next(), &h); err != nil {
				return unlessOver(ctx, err)
			}
		}
	}
}

// copy writes one file's entry, and tries again until it is written.
func (m *Metadata) copy(ctx context.Context, col *gocb.Collection, r *kgo.Record, h *health) error {
	key := FileKeyPrefix + string(r.Key)
	if !validKey(key) || r.Value != nil && !validJSON(r.Value) {
		m.meter.skip(skipNotJSON)
		return nil
	}
	a := attempts{cfg: m.cfg}
	for {
		o, err := removed, error(nil)
		if r.Value == nil {
			if _, err = col.Remove(key, &gocb.RemoveOptions{Context: ctx}); is(err, gocb.ErrDocumentNotFound) {
				o, err = unchanged, nil
			}
		} else {
			o = written
			_, err = col.Upsert(key, r.Value, &gocb.UpsertOptions{Context: ctx})
		}
		switch {
		case err == nil:
			h.good()
			m.meter.count(o, 1)
			m.mu.Lock()
			m.at = r.Offset
			m.mu.Unlock()
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case classify(err) == fatal:
			return explain(err, m.cfg, m.cfg.Metadata)
		case classify(err) == refused:
			m.meter.skip("refused")
			m.deps.Log.Warn("Couchbase refuses a loyalty file's entry", "key", key, "error", brief(err))
			return nil
		}
		m.meter.retry(classify(err))
		h.bad(ctx, m.cfg.Metadata, "upsert", err)
		if !a.wait(ctx, h) {
			return ctx.Err()
		}
	}
}

// Status as of now; Lag is not known.
func (m *Metadata) Status() Status {
	st := Status{Group: "metadata", Target: m.cfg.Metadata.withDefaults(), Written: m.meter.counts[written].Load(),
		Removed: m.meter.counts[removed].Load(), Unchanged: m.meter.counts[unchanged].Load(),
		Skipped: m.meter.counts[skipped].Load(), Failures: m.meter.retries.Load()}
	if at := m.meter.last.Load(); at != 0 {
		st.LastWrite = time.Unix(0, at)
	}
	return st
}
