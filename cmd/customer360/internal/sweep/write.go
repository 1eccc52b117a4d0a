package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology/txn"
)

// transactionalID is that of every sweep: one that begins fences one under way.
const transactionalID = "customer360.sweep"

// writer writes nulls in transactions.
type writer struct {
	cfg    Config
	deps   Deps
	client *kgo.Client
	header []kgo.RecordHeader
}

func (s *sweep) writer(ctx context.Context, end SnapshotEnd) (*writer, error) {
	cl, err := kgo.NewClient(append(s.deps.Kafka[:len(s.deps.Kafka):len(s.deps.Kafka)], kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(30*time.Second),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	if _, _, err := cl.ProducerID(ctx); err != nil { // ends what a sweep that was killed left open
		cl.Close()
		return nil, fmt.Errorf("taking the transactional id %s: %w", transactionalID, err)
	}
	return &writer{cfg: s.cfg, deps: s.deps, client: cl, header: []kgo.RecordHeader{
		{Key: codec.HeaderSweepBy, Value: []byte(s.cfg.By)},
		{Key: codec.HeaderSweepWhy, Value: []byte("not in " + end.in(s.cfg.Topic))},
	}}, nil
}

// write writes a null for each key, unless a record of one of them lies between
// the offsets up to which the topic was read and its null: then nothing is
// written, and it returns false.
func (w *writer) write(ctx context.Context, keys map[string]row, read map[int32]int64) (written bool, err error) {
	transaction, err := txn.Begin(ctx, w.client)
	if err != nil {
		return false, err
	}
	records := make([]*kgo.Record, 0, len(keys))
	for key, r := range keys {
		records = append(records, &kgo.Record{Topic: w.cfg.Topic, Partition: r.partition, Key: []byte(key), Headers: w.header})
	}
	err = w.client.ProduceSync(ctx, records...).FirstErr()
	clear := false
	if err == nil {
		clear, err = w.clear(ctx, records, read)
	}
	if err == nil && clear {
		if err = transaction.Commit(ctx); err == nil {
			return true, nil
		}
	}
	aborting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if aborted := transaction.Abort(aborting); aborted != nil && err == nil {
		err = aborted
	}
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
		err = fmt.Errorf("another sweep has begun meanwhile; it does what is left: %w", err)
	}
	if err != nil {
		return false, fmt.Errorf("writing to %s: %w", w.cfg.Topic, err)
	}
	return false, nil
}

// clear reads what lies in front of the nulls, whoever wrote it and whether it is
// committed or not, and says that none of it is about one of the keys.
func (w *writer) clear(ctx context.Context, nulls []*kgo.Record, read map[int32]int64) (bool, error) {
	ends, at := map[int32]int64{}, map[string]int64{}
	for _, n := range nulls {
		ends[n.Partition] = max(ends[n.Partition], n.Offset)
		at[string(n.Key)] = n.Offset
	}
	offsets := map[int32]kgo.Offset{}
	for p := range ends {
		offsets[p] = kgo.NewOffset().At(read[p])
	}
	cl, err := kgo.NewClient(append(w.deps.Kafka[:len(w.deps.Kafka):len(w.deps.Kafka)], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{w.cfg.Topic: offsets}),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.FetchMaxWait(100*time.Millisecond), kgo.DisableClientMetrics())...)
	if err != nil {
		return false, err
	}
	defer cl.Close()
	// The transaction must not time out while this waits.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for len(ends) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return false, fmt.Errorf("reading what lies in front of the nulls: %w", err)
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return false, fmt.Errorf("reading what lies in front of the nulls: %w", errs[0].Err)
		}
		back := false
		fetches.EachRecord(func(r *kgo.Record) {
			if null, ok := at[string(r.Key)]; ok && r.Key != nil && r.Offset < null {
				back = true
			}
			if end, ok := ends[r.Partition]; ok && r.Offset >= end {
				delete(ends, r.Partition)
			}
		})
		if back {
			return false, nil
		}
	}
	return true, nil
}
