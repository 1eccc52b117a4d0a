package generation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/txn"
)

// promoteID is the transactional id of whoever hands over. Taking it shuts out
// who held it: a promoter that was suspended cannot write a removal behind the
// back of the generation that serves by then.
const promoteID = "customer360.promote"

// handBatch is how many records go into one transaction.
const handBatch = 20_000

// movesPoller: the count of partitions has changed, so the poller's table must
// lie otherwise.
func (p *Promotion) movesPoller() bool {
	return p.fromGraph.Settings.PollerGroup() != p.graph.Settings.PollerGroup()
}

func (p *Promotion) poller(g topology.Graph) topology.Group {
	return g.Groups[slices.IndexFunc(g.Groups, func(g topology.Group) bool { return g.Stage == "restpoll" })]
}

// hand writes what the new generation cannot know by itself: the removals of
// what only the former one had, and the poller's table where it has to move.
func (p *Promotion) hand(ctx context.Context) error {
	cl, err := kgo.NewClient(append(p.opts[:len(p.opts):len(p.opts)], kgo.TransactionalID(promoteID), kgo.TransactionTimeout(time.Minute),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableClientMetrics(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(topology.MaxMessageBytes))...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil {
		return fmt.Errorf("taking the transactional id %s: %w", promoteID, err)
	}
	// Only now: who held the id before may have finished meanwhile.
	s, err := p.log.Read(ctx)
	if err != nil {
		return err
	}
	if s.Generations[p.To.Number].State != Promoting {
		return nil
	}
	w := &handWriter{cl: cl, partitions: p.graph.Settings.Partitions}
	if err := p.removals(ctx, w); err != nil {
		return fmt.Errorf("removing what only generation %d had: %w", p.From.Number, err)
	}
	removed := w.written
	if p.movesPoller() {
		if err := p.movePoller(ctx, w); err != nil {
			return fmt.Errorf("moving the poller's table: %w", err)
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	p.tell(fmt.Sprintf("%d keys that only generation %d had are removed", removed, p.From.Number))
	return nil
}

// removals writes, for each key of the former documents (removed ones too,
// since a write of them may still be under way), a removal where the new
// documents have no record of it. Its fence is older than any of the new
// generation's records and newer than all of the former one's.
func (p *Promotion) removals(ctx context.Context, w *handWriter) error {
	from, to := p.fromGraph.Settings, p.graph.Settings
	headers := []kgo.RecordHeader{{Key: codec.HeaderGeneration, Value: strconv.AppendInt(nil, int64(to.Generation), 10)},
		{Key: codec.HeaderFence, Value: []byte("0")}}
	some := func(which []int32) error {
		known := map[codec.Hash]struct{}{} // 16 bytes a key, whatever its length
		err := engine.ReadPartitions(ctx, p.opts, to.Documents(), which, func(r *kgo.Record) error {
			known[codec.HashOf(r.Key)] = struct{}{}
			return nil
		})
		if err != nil {
			return err
		}
		return engine.ReadPartitions(ctx, p.opts, from.Documents(), which, func(r *kgo.Record) error {
			hash := codec.HashOf(r.Key)
			if _, ok := known[hash]; ok {
				return nil
			}
			known[hash] = struct{}{}
			return w.write(ctx, &kgo.Record{Topic: to.Documents(), Key: r.Key, Headers: headers})
		})
	}
	if from.Partitions != to.Partitions {
		return some(nil)
	}
	for partition := range to.Partitions { // equal counts, equal partitions: less memory
		if err := some([]int32{partition}); err != nil {
			return err
		}
	}
	return nil
}

// movePoller copies the changelog of the poller's table in the order of its
// partitions, which keeps the order of each key's records.
func (p *Promotion) movePoller(ctx context.Context, w *handWriter) error {
	table := p.poller(p.graph).TableTopic()
	return engine.ReadToEnd(ctx, p.opts, p.poller(p.fromGraph).TableTopic(), func(r *kgo.Record) error {
		return w.write(ctx, &kgo.Record{Topic: table, Key: r.Key, Value: r.Value, Headers: r.Headers})
	})
}

// handWriter writes in transactions of a bounded size.
type handWriter struct {
	cl         *kgo.Client
	partitions int32
	batch      []*kgo.Record
	bytes      int
	written    int
}

func (w *handWriter) write(ctx context.Context, r *kgo.Record) error {
	r.Partition = topology.Partition(r.Key, w.partitions)
	w.batch = append(w.batch, r)
	w.bytes += len(r.Key) + len(r.Value)
	w.written++
	if len(w.batch) < handBatch && w.bytes < topology.MaxMessageBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *handWriter) flush(ctx context.Context) error {
	if len(w.batch) == 0 {
		return nil
	}
	transaction, err := txn.Begin(ctx, w.cl)
	if err != nil {
		return err
	}
	err = w.cl.ProduceSync(ctx, w.batch...).FirstErr()
	if err == nil {
		err = transaction.Commit(ctx)
	}
	if err != nil {
		_ = transaction.Abort(ctx) // or the next one of this id does
		return fmt.Errorf("writing as %s (where another promoter has taken over, look at `customer360 generations list`): %w", promoteID, err)
	}
	w.batch, w.bytes = nil, 0
	return nil
}
