package contest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// raw copies the records topic to the documents topic.
func (p Place) raw(ctx context.Context, cfg ContendConfig) (Measurement, error) {
	opts := p.with(
		kgo.ConsumerGroup(p.Group()), kgo.ConsumeTopics(p.Records()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.DefaultProduceTopic(p.Documents()), kgo.RecordPartitioner(placement()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	c := copier{interval: cfg.CommitInterval}
	run := c.copy
	job := fmt.Sprintf("commit every %v, snappy", cfg.CommitInterval)
	if cfg.Contender == RawTxn {
		session, err := kgo.NewGroupTransactSession(append(opts, kgo.TransactionalID(p.Group()))...)
		if err != nil {
			return Measurement{}, fmt.Errorf("connecting to the broker: %w", err)
		}
		defer session.Close()
		c.session, run, job = session, c.transactions, fmt.Sprintf("transactions of %v, snappy", cfg.CommitInterval)
	} else {
		cl, err := kgo.NewClient(append(opts, kgo.AutoCommitMarks(), kgo.AutoCommitInterval(cfg.CommitInterval))...)
		if err != nil {
			return Measurement{}, fmt.Errorf("connecting to the broker: %w", err)
		}
		defer cl.Close()
		c.client = cl
	}
	m, err := p.follow(ctx, cfg, run, func() (int64, error) { return c.copied.Load(), nil })
	m.Job = job
	return m, err
}

type copier struct {
	client   *kgo.Client
	session  *kgo.GroupTransactSession
	interval time.Duration
	copied   atomic.Int64
}

// copy counts a copy when it is acknowledged; offsets are committed behind them.
func (c *copier) copy(ctx context.Context) error {
	var failed kgo.FirstErrPromise
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, 10_000)
		if err := fetched(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(in *kgo.Record) {
			promise := failed.Promise()
			c.client.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: in.Key, Value: in.Value}, func(out *kgo.Record, err error) {
				// Acknowledgements come in order within a partition, and a copy has
				// its input's partition: a mark passes nothing that is open.
				if err == nil {
					c.client.MarkCommitRecords(in)
					c.copied.Add(1)
				}
				promise(out, err)
			})
		})
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("producing: %w", err)
	}
	return nil
}

func (c *copier) transactions(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := c.transaction(ctx); err != nil {
			return err
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
		if err := fetched(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(in *kgo.Record) {
			c.session.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: in.Key, Value: in.Value}, failed.Promise())
			c.copied.Add(1)
		})
	}
	// failed.Err waits for all; the linger is not waited for.
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
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

// fetched is the fetch's error, but for the end of its time.
func fetched(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.Canceled) && !errors.Is(e.Err, context.DeadlineExceeded) {
			return fmt.Errorf("fetching %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return nil
}
