package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/verify"
	"customer360/processors/couchbase"
)

// A group that stood still for longer than its input keeps removals may have missed
// some (engine.ErrMissed). rekey refuses to go on: its table would say for ever that
// those rows are there. Others go on, and what they have made is compared with the
// log, or somebody is told to look.

// told warns, and says what may be wrong now.
func (p *Pipeline) told(consequence string) func(error) error {
	return func(missed error) error {
		p.deps.Log.Warn(consequence, "error", missed)
		return nil
	}
}

// compared has the documents in Couchbase compared with the log.
func (p *Pipeline) compared(missed error) error {
	p.deps.Log.Warn("documents of customers that were removed meanwhile may still be in Couchbase: they will be compared with the log, both ways", "error", missed)
	select {
	case p.missed <- struct{}{}:
	default: // it will be
	}
	return nil
}

// compare waits for that, and for the sink to work.
func (p *Pipeline) compare(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.missed:
		}
		for _, s := range p.sinkList {
			for !s.Ready() {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(time.Second):
				}
			}
		}
		cfg := verify.DefaultConfig()
		cfg.Settings, cfg.Repair = p.graph.Settings, true
		r, err := Verify(ctx, p.config, p.deps.Kafka, cfg, p.deps.Log.With("part", "verify"))
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && r.NotListed != "":
			err = errors.New(r.NotListed)
		case err == nil && !r.IsEqual():
			err = fmt.Errorf("%d differences remain", r.Repair.Remaining)
		}
		if err != nil {
			p.deps.Log.Warn("comparing Couchbase with the log did not end well: run `customer360 verify --repair`", "error", err)
			continue
		}
		p.deps.Log.Info("Couchbase holds what the log says", "written", r.Repair.Written, "removed", r.Repair.Removed)
	}
}

// Verify compares the documents in Couchbase with the log of the generation that
// cfg.Settings name. Where documents are kept and how is taken from c.
func Verify(ctx context.Context, c config.Config, kafka []kgo.Opt, cfg verify.Config, log *slog.Logger) (*verify.Result, error) {
	cfg.KeepForeign, cfg.Workers = c.Couchbase.Foreign == couchbase.Keep, c.Couchbase.Workers
	cc := CouchbaseConfig(c)
	client, err := couchbase.Connect(ctx, cc, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	auditor, err := client.Audit(ctx, cc.Documents)
	if err != nil {
		return nil, err
	}
	return verify.Run(ctx, cfg, verify.Deps{Kafka: kafka, Auditor: auditor, Log: log})
}
