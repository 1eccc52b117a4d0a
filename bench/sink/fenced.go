package sink

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/processors/couchbase"
	"customer360/topology/engine"
)

// fenced is the product's sink.
type fenced struct{ *couchbase.Sink }

func couchbaseConfig(cfg contendConfig) couchbase.Config {
	c := couchbase.DefaultConfig()
	c.ConnectionString, c.Username, c.Password = cfg.Places.Couchbase, cfg.Places.Username, cfg.Places.Password
	c.Durability = cfg.Durability
	return c
}

func newFenced(cfg contendConfig, stderr io.Writer) (fenced, error) {
	c := couchbaseConfig(cfg)
	c.Workers = cfg.InFlight
	e := engine.DefaultConfig()
	e.Instance = "bench"
	s, err := couchbase.NewSink(c, couchbase.Deps{
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Registry: prometheus.NewRegistry(),
		Engine: e, Kafka: cfg.Places.kafka(), Settings: settingsOf(cfg.Places.Partitions)})
	return fenced{s}, err
}

func (f fenced) run(ctx context.Context) error { return f.Run(ctx) }

func (f fenced) done() (int64, error) {
	s := f.Status()
	if n := s.Superseded + s.Outdated + s.Kept + s.Skipped + s.DeadLetters + s.Abandoned + s.Failures; n > 0 {
		return 0, fmt.Errorf("%w: something else than writes: superseded %d, outdated %d, kept %d, skipped %d, dead letters %d, abandoned %d, failures %d",
			ErrVoid, s.Superseded, s.Outdated, s.Kept, s.Skipped, s.DeadLetters, s.Abandoned, s.Failures)
	}
	return s.Written + s.Removed + s.Unchanged, nil
}
