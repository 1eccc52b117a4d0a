package simulate

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// snapshotBatch is how many rows are acknowledged, and after a crash written
// again, at once.
const snapshotBatch = 5000

// stopGrace is how long an end in order waits for Kafka.
const stopGrace = 2 * time.Second

// play lets life go on. Home Delivery is written by it as Debezium would: the
// table as it is, then what happens to it.
func (w *World) play(ctx context.Context) error {
	if w.cfg.Topic == "" {
		return w.live(ctx, func(context.Context, []*kgo.Record) error { return nil })
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ClientID("customer360-simulator"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Java's partitioner, as Debezium's producer has it: by murmur2 of the key.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerLinger(5 * time.Millisecond),
		// The topic may be made later than the simulator starts.
		kgo.UnknownTopicRetries(-1),
	}, w.deps.Kafka...)...)
	if err != nil {
		return fmt.Errorf("connecting Home Delivery to Kafka: %w", err)
	}
	defer client.Close()
	if err := w.snapshot(ctx, client); err != nil || ctx.Err() != nil {
		return err
	}
	return w.live(ctx, func(ctx context.Context, records []*kgo.Record) error { return produce(ctx, client, records) })
}

// snapshot writes the table from where the progress stands. The table does not
// change meanwhile: life begins after the snapshot.
func (w *World) snapshot(ctx context.Context, client *kgo.Client) error {
	w.mu.RLock()
	next, loaded := w.progress.Snapshot, w.progress.Loaded
	w.mu.RUnlock()
	if loaded {
		return nil
	}
	first, last := w.home.p.rowBounds()
	records := make([]*kgo.Record, 0, w.batch)
	for ; next <= last; next++ {
		if row, ok := w.home.row(next); ok {
			marker := "true"
			switch next { // one row is last, as in Debezium: that marker ends the snapshot
			case last:
				marker = "last"
			case first:
				marker = "first"
			}
			read := change{op: 'r', after: &row}
			records = append(records, read.records(w.cfg.Topic, snapshotted(marker), w.deps.Now())...)
		}
		if len(records) < w.batch && next < last {
			continue
		}
		if err := produce(ctx, client, records); err != nil {
			if ctx.Err() != nil {
				return nil // what was acknowledged before is counted; the rest comes next time
			}
			return fmt.Errorf("writing Home Delivery's snapshot up to row %d: %w", next, err)
		}
		records = records[:0]
		if err := w.keep(func(p *progress) { p.Snapshot, p.Loaded = next+1, next == last }); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	w.log.Info("Home Delivery's snapshot is complete", "rows", w.home.p.rowCount())
	return nil
}

// produce waits for every acknowledgement. When ctx ends it goes on for a
// moment, so that an end in order does not leave a step half written.
func produce(ctx context.Context, client *kgo.Client, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(stopGrace, cancel)
		context.AfterFunc(grace, func() { late.Stop() })
	})
	defer stop()
	return client.ProduceSync(grace, records...).FirstErr()
}
