package plant

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
)

// Reader reads the committed documents as they come.
type Reader struct {
	topic  string
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	seen     int
	position map[int32]int64
	arrivals map[At]time.Time // by the record that decided the document
}

// Documents reads a topic from its start.
func (p *Plant) Documents(topic string) (*Reader, error) {
	cl, err := kgo.NewClient(append(p.Kafka[:len(p.Kafka):len(p.Kafka)], kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Reader{topic: topic, client: cl, cancel: cancel, done: make(chan struct{}), arrivals: map[At]time.Time{}, position: map[int32]int64{}}
	go r.read(ctx)
	return r, nil
}

func (r *Reader) read(ctx context.Context) {
	defer close(r.done)
	for ctx.Err() == nil {
		fs := r.client.PollFetches(ctx)
		now := time.Now()
		r.mu.Lock()
		fs.EachRecord(func(d *kgo.Record) {
			r.position[d.Partition] = d.Offset + 1
			if d.Attrs.IsControl() {
				return
			}
			r.seen++
			for _, h := range d.Headers {
				if h.Key != codec.HeaderFence {
					continue
				}
				if fence, err := strconv.ParseInt(string(h.Value), 10, 64); err == nil {
					r.arrivals[At{d.Partition, fence - 1}] = now
				}
			}
		})
		r.mu.Unlock()
	}
}

// Close ends it.
func (r *Reader) Close() {
	r.cancel()
	<-r.done
	r.client.Close()
}

// ToTheEnd waits until it has read what is committed now.
func (r *Reader) ToTheEnd(ctx context.Context, p *Plant) error {
	ends, err := kadm.NewClient(r.client).ListCommittedOffsets(ctx, r.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("ends of %s: %w", r.topic, err)
	}
	return p.Await(ctx, 20*time.Millisecond, func() (done bool, why string, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		done = true
		ends.Each(func(o kadm.ListedOffset) {
			if r.position[o.Partition] < o.Offset {
				done, why = false, fmt.Sprintf("%s/%d is read to %d of %d", o.Topic, o.Partition, r.position[o.Partition], o.Offset)
			}
		})
		return done, why, nil
	})
}

// Seen is how many documents have come.
func (r *Reader) Seen() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// Arrivals say when the document came that a record decided, of those since the
// last call.
func (r *Reader) Arrivals() map[At]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	arrivals := r.arrivals
	r.arrivals = map[At]time.Time{}
	return arrivals
}
