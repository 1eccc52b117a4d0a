package scaleout

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/topology"
)

// mostUpdates bounds a run: with the default rate more than half a day.
const mostUpdates = 1 << 25

// writer gives the load to Kafka, as Debezium would.
type writer struct {
	client  *kgo.Client
	next    func() (load.Message, bool)
	stop    func()
	written int
	failed  atomic.Pointer[error]
}

func newWriter(cfg Config, opts []kgo.Opt) (*writer, error) {
	generator, err := load.New(load.Config{Records: cfg.Customers + mostUpdates, Keys: cfg.Customers, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DefaultProduceTopic(topology.HomeDeliveryTopic), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(50_000))...)
	if err != nil {
		return nil, err
	}
	w := &writer{client: cl}
	w.next, w.stop = iter.Pull(generator.Envelopes())
	return w, nil
}

func (w *writer) end() {
	w.stop()
	w.client.Close()
}

// write gives n more records, and returns when the broker has them.
func (w *writer) write(ctx context.Context, n int) error {
	for range n {
		m, ok := w.next()
		if !ok {
			return fmt.Errorf("the load is over after %d records", w.written)
		}
		w.client.Produce(ctx, &kgo.Record{Key: m.Key, Value: m.Value}, func(_ *kgo.Record, err error) {
			if err != nil {
				w.failed.CompareAndSwap(nil, &err)
			}
		})
		w.written++
	}
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	if err := w.failed.Load(); err != nil {
		return fmt.Errorf("writing the load: %w", *err)
	}
	return nil
}

// flow writes at a rate until ctx ends.
func (w *writer) flow(ctx context.Context, rate int) error {
	const every = 20 * time.Millisecond
	begin, given := time.Now(), 0
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		due := int(time.Since(begin).Seconds() * float64(rate))
		if due > given {
			// What was begun is finished: the calm run gets the same records.
			if err := w.write(context.WithoutCancel(ctx), due-given); err != nil {
				return err
			}
			given = due
		}
	}
}
