package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// recordSlab is how many outputs are allocated at once.
const recordSlab = 64

// newRecord is for the partition's goroutine.
func (c *claim) newRecord() *kgo.Record {
	if len(c.slab) == 0 {
		c.slab = make([]kgo.Record, recordSlab)
	}
	r := &c.slab[0]
	c.slab = c.slab[1:]
	return r
}

// keyBytes does without a copy for the key of the message.
func (d *delivery) keyBytes(key string) []byte {
	if key == d.key && d.record.Key != nil {
		return d.record.Key
	}
	return []byte(key)
}

func (d *delivery) emit(topic, key string, value []byte, headers []kgo.RecordHeader) {
	r := d.claim.newRecord()
	r.Topic, r.Key, r.Value, r.Headers = topic, d.keyBytes(key), value, headers
	if d.claim.session.gate != nil {
		d.produce(r, d.claim.session.promise)
		return
	}
	d.pending.Add(1)
	d.produce(r, func(r *kgo.Record, err error) {
		if d.claim.session.onProduced(r, err); err == nil {
			d.settle()
		}
	})
}

// produce hands one output to the client. Emits happen in callbacks only, that
// is, while their message is under way. promise is called once the record is
// acknowledged or has failed; never, where the incarnation has failed before.
func (d *delivery) produce(r *kgo.Record, promise func(*kgo.Record, error)) {
	inc := d.claim.session.inc
	size := sizeOf(r)
	if size > inc.cfg.MaxRecordBytes-batchOverhead {
		inc.fail(fmt.Errorf("%w: %d bytes for %s, %d of them the key", ErrTooLarge, size, r.Topic, len(r.Key)))
		return
	}
	if inc.failure() != nil {
		return
	}
	inc.producedRecords.Add(1)
	inc.producedBytes.Add(int64(size))
	inc.group.metrics.out.Inc()
	d.claim.outputs.produce(d.claim.session, output{r, promise, size + recordOverhead})
}

// onProduced is the promise of outputs.
func (s *session) onProduced(r *kgo.Record, err error) {
	s.window.done(r)
	if err != nil {
		s.inc.fail(fmt.Errorf("producing to %s: %w", r.Topic, err))
	}
}

// onLogged is the promise of table writes.
func (c *claim) onLogged(r *kgo.Record, err error) {
	c.session.onProduced(r, err)
	switch {
	case err != nil:
	case r.Partition != c.partition:
		c.session.inc.fail(fatalf("a table write of %s/%d went to partition %d of %s", c.topic, c.partition, r.Partition, r.Topic))
	default:
		c.store.reached(r.Offset)
	}
}

// noProducer is goka's Producer: goka itself writes nothing, since no context
// of its own reaches a callback.
type noProducer struct{ inc *incarnation }

func (p noProducer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

func (p noProducer) EmitWithHeaders(topic, _ string, _ []byte, _ goka.Headers) *goka.Promise {
	err := Fatal(errors.New("goka itself writes to " + topic))
	p.inc.fail(err)
	promise, finish := goka.NewPromiseWithFinisher()
	finish(nil, err)
	return promise
}

func (noProducer) Close() error { return nil } // the member closes the client

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
