package sink

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/processors/couchbase"
)

// plain hands the records of the topic to goroutines that upsert.
type plain struct {
	cfg     contendConfig
	options *gocb.UpsertOptions
	counted atomic.Int64
}

func newPlain(cfg contendConfig) (*plain, error) {
	p := &plain{cfg: cfg, options: &gocb.UpsertOptions{}}
	if cfg.Durability == "majority" {
		p.options.DurabilityLevel = gocb.DurabilityLevelMajority
	}
	return p, nil
}

func (p *plain) done() (int64, error) { return p.counted.Load(), nil }

// queued records wait between the consumer and the goroutines: as many as the
// engine would hand to the product's sink.
const queued = 4096

func (p *plain) run(ctx context.Context) error {
	col, closed, err := p.collection(ctx)
	if err != nil {
		return err
	}
	defer closed()
	from := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range p.cfg.From {
		from[topic] = map[int32]kgo.Offset{}
		for partition, offset := range partitions {
			from[topic][partition] = kgo.NewOffset().At(offset)
		}
	}
	cl, err := kgo.NewClient(append(p.cfg.Places.kafka(), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return fmt.Errorf("connecting to the broker: %w", err)
	}
	defer cl.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	records := make(chan *kgo.Record, queued)
	var workers sync.WaitGroup
	for range p.cfg.InFlight {
		workers.Go(func() {
			for r := range records {
				if err := p.write(col, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			select {
			case records <- r:
			case <-ctx.Done():
			}
		})
	}
	close(records)
	workers.Wait()
	if err := context.Cause(ctx); err != context.Canceled { //nolint:errorlint // the end as it was asked for
		return err
	}
	return nil
}

func (p *plain) write(col *gocb.Collection, r *kgo.Record) error {
	var err error
	if r.Value == nil {
		_, err = col.Remove(string(r.Key), &gocb.RemoveOptions{DurabilityLevel: p.options.DurabilityLevel})
	} else {
		_, err = col.Upsert(string(r.Key), r.Value, p.options)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", r.Key, err)
	}
	p.counted.Add(1)
	return nil
}

// collection connects as the product does: the same pool, the same buffers, no
// tracing. The SDK's defaults cost more.
func (p *plain) collection(ctx context.Context) (*gocb.Collection, func(), error) {
	c := couchbaseConfig(p.cfg)
	cluster, err := gocb.Connect(fmt.Sprintf("%s?kv_pool_size=%d&kv_buffer_size=%d", c.ConnectionString, c.KVPoolSize, 256<<10), gocb.ClusterOptions{
		Authenticator: gocb.PasswordAuthenticator{Username: c.Username, Password: c.Password},
		Transcoder:    gocb.NewRawJSONTranscoder(), Tracer: &gocb.NoopTracer{}, Meter: &gocb.NoopMeter{},
		OrphanReporterConfig: gocb.OrphanReporterConfig{Disabled: true}, CircuitBreakerConfig: gocb.CircuitBreakerConfig{Disabled: true},
		AppTelemetryConfig: gocb.AppTelemetryConfig{Disabled: true}})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to Couchbase: %w", err)
	}
	closed := func() { _ = cluster.Close(nil) }
	b := cluster.Bucket(c.Documents.Bucket)
	if err := couchbase.WaitUntilReady(ctx, b, c.ConnectTimeout); err != nil {
		closed()
		return nil, nil, fmt.Errorf("connecting to Couchbase within %v: %w", c.ConnectTimeout.Round(time.Second), err)
	}
	return b.DefaultCollection(), closed, nil
}
