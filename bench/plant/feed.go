package plant

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/topology"
)

// Feeder gives a load to a topic, placed as Debezium places it.
type Feeder struct {
	client *kgo.Client
	next   func() (load.Message, bool)
	stop   func()
	given  int

	mu     sync.Mutex
	failed error
	stamps map[At]time.Time // of records that Flow gave
}

// At is a record's place in a topic.
type At struct {
	Partition int32
	Offset    int64
}

// Feed makes one. The messages go out in their order.
func (p *Plant) Feed(topic string, messages iter.Seq[load.Message]) (*Feeder, error) {
	cl, err := kgo.NewClient(append(p.Kafka[:len(p.Kafka):len(p.Kafka)], kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.KafkaHasher(topology.Murmur2))),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.MaxBufferedRecords(50_000))...)
	if err != nil {
		return nil, err
	}
	f := &Feeder{client: cl, stamps: map[At]time.Time{}}
	f.next, f.stop = iter.Pull(messages)
	return f, nil
}

// Close ends it.
func (f *Feeder) Close() {
	f.stop()
	f.client.Close()
}

// Given is how many records it has produced.
func (f *Feeder) Given() int { return f.given }

// Write gives n records as fast as the broker takes them.
func (f *Feeder) Write(ctx context.Context, n int) error {
	for range n {
		if err := f.give(ctx, time.Time{}, nil); err != nil {
			return err
		}
	}
	return f.flush(ctx)
}

// give produces one; due is when it was to be given, zero when that is of no
// interest. each sees the message before.
func (f *Feeder) give(ctx context.Context, due time.Time, each func(n int, m load.Message, due time.Time)) error {
	m, ok := f.next()
	if !ok {
		return fmt.Errorf("the load is over after %d records", f.given)
	}
	n := f.given
	f.given++
	f.client.Produce(ctx, &kgo.Record{Key: m.Key, Value: m.Value}, func(r *kgo.Record, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil && f.failed == nil {
			f.failed = err
		}
		if err == nil && !due.IsZero() {
			f.stamps[At{r.Partition, r.Offset}] = due
		}
	})
	if each != nil {
		each(n, m, due)
	}
	return nil
}

func (f *Feeder) flush(ctx context.Context) error {
	if err := f.client.Flush(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return fmt.Errorf("writing the load: %w", f.failed)
	}
	return nil
}

// Flow gives rate records a second for a while. Each has the moment at which it
// was due as its stamp, so what holds up the feeder counts as latency. each may
// be nil.
func (f *Feeder) Flow(ctx context.Context, rate int, lasts time.Duration, each func(n int, m load.Message, due time.Time)) error {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	total := RecordsOf(rate, lasts)
	due := func(n int) time.Duration { return time.Duration(n) * time.Second / time.Duration(rate) }
	for begin, given := time.Now(), 0; given < total; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		for given < total && time.Since(begin) >= due(given) {
			if err := f.give(ctx, begin.Add(due(given)), each); err != nil {
				return err
			}
			given++
		}
	}
	return f.flush(ctx)
}

// RecordsOf is how many records Flow gives.
func RecordsOf(rate int, lasts time.Duration) int {
	return int(lasts.Nanoseconds() * int64(rate) / time.Second.Nanoseconds())
}

// Stamps are those of the records that Flow has given since the last call.
func (f *Feeder) Stamps() map[At]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := f.stamps
	f.stamps = map[At]time.Time{}
	return stamps
}
