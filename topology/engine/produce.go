package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// producer is goka's Producer on the incarnation's client. Emits happen in
// callbacks only, that is, while their message is under way.
type producer struct{ inc *incarnation }

func (p producer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

func (p producer) EmitWithHeaders(topic, key string, value []byte, headers goka.Headers) *goka.Promise {
	inc := p.inc
	promise, finish := goka.NewPromiseWithFinisher()
	size := len(key) + len(value)
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	for k, v := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: v})
		size += len(k) + len(v)
	}
	if size > inc.cfg.MaxRecordBytes-batchOverhead {
		err := fmt.Errorf("%w: %d bytes for %s, %d of them the key", ErrTooLarge, size, topic, len(key))
		inc.fail(err)
		return finish(nil, err)
	}
	if err := inc.failure(); err != nil {
		return finish(nil, err)
	}
	inc.producedRecords.Add(1)
	inc.producedBytes.Add(int64(size))
	inc.group.metrics.out.Inc()
	table := topic == inc.group.table
	inc.client.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		if err != nil {
			inc.fail(fmt.Errorf("producing to %s: %w", r.Topic, err))
		} else if table {
			inc.wrote(r.Partition, r.Offset)
		}
		// Without a message goka leaves the table's offset alone: it knows
		// only those of Sets, and not of Deletes.
		finish(nil, err)
	})
	return promise
}

func (p producer) Close() error { return nil } // the member closes the client

// wrote notes the changelog offset of a table write.
func (inc *incarnation) wrote(partition int32, offset int64) {
	if s := inc.current.Load(); s != nil {
		for _, st := range s.stores {
			if st.partition == partition {
				st.reached(offset)
				return
			}
		}
	}
}

// linger: the commit flushes anyway, so batches may wait for company.
func (inc *incarnation) linger() time.Duration {
	return max(min(inc.cfg.CommitInterval/4, 20*time.Millisecond), time.Millisecond)
}

// partitioner is goka's rule for all emits. A topic's partitioner is used by
// one record at a time, so it keeps its hash.
func (inc *incarnation) partitioner() kgo.Partitioner {
	return kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		h := inc.cfg.NewHash()
		return func(r *kgo.Record, n int) int { return int(partitionOf(h, r.Key, int32(n))) }
	})
}
