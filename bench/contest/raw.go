package contest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/engine"
)

// raw copies the records topic to the documents topic.
func raw(ctx context.Context, b *broker, cfg Config) (window, error) {
	group := b.graph.Settings.MergeGroup()
	session, err := kgo.NewGroupTransactSession(b.with(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(b.graph.Settings.Records()), kgo.TransactionalID(group),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.DefaultProduceTopic(b.graph.Settings.Documents()), kgo.RecordPartitioner(placement()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
	)...)
	if err != nil {
		return window{}, fmt.Errorf("raw: connecting to the broker: %w", err)
	}
	defer session.Close()
	c := copier{session: session, interval: engine.DefaultConfig().CommitInterval}
	return follow(ctx, b, cfg, group, c.run, func() (int64, error) { return c.copied.Load(), nil })
}

type copier struct {
	session  *kgo.GroupTransactSession
	interval time.Duration
	copied   atomic.Int64
}

func (c *copier) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := c.transaction(ctx); err != nil {
			return fmt.Errorf("raw: %w", err)
		}
	}
	return nil
}

func (c *copier) transaction(ctx context.Context) error {
	if err := c.session.Begin(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	interval, stop := context.WithTimeout(ctx, c.interval)
	defer stop()
	var failed kgo.FirstErrPromise
	for interval.Err() == nil {
		fetches := c.session.PollRecords(interval, 10_000)
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, context.DeadlineExceeded) {
				return fmt.Errorf("fetching %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		fetches.EachRecord(func(in *kgo.Record) {
			c.session.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: in.Key, Value: in.Value}, failed.Promise())
			c.copied.Add(1)
		})
	}
	// failed.Err waits for all; the linger is not waited for.
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := c.session.Client().Flush(finish); err != nil {
		return fmt.Errorf("flushing: %w", err)
	}
	err := failed.Err()
	committed, endErr := c.session.End(finish, kgo.TransactionEndTry(err == nil))
	switch {
	case err != nil:
		return fmt.Errorf("producing: %w", err)
	case endErr != nil:
		return fmt.Errorf("ending a transaction: %w", endErr)
	case !committed:
		return fmt.Errorf("%w: a transaction was aborted", ErrVoid)
	}
	return nil
}
