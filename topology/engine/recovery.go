package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// tableReader is sarama's Consumer for goka's recovery: a read_committed reader
// that puts what it reads into the store itself. goka is given one message per
// fetch, with markerKey, of which only the offset counts: it waits for the one
// before the high watermark, be that a record or a transaction marker.
type tableReader struct {
	sarama.Consumer // nil: goka calls only what is defined below
	inc             *incarnation
}

func (tableReader) HighWaterMarks() map[string]map[int32]int64 { return nil }
func (tableReader) Close() error                               { return nil }

func (t tableReader) ConsumePartition(topic string, partition int32, offset int64) (sarama.PartitionConsumer, error) {
	ctx, cancel := context.WithCancel(t.inc.ctx)
	t.inc.mu.Lock()
	st := storeOf(t.inc.stores, partition) // that goka has had built
	t.inc.mu.Unlock()
	if st == nil {
		cancel()
		return nil, fmt.Errorf("%s/%d has no store", topic, partition)
	}
	p := &partitionReader{inc: t.inc, store: st, f: newFetcher(t.inc.group.admin, topic, partition, shareOfReaders(t.inc.owned())), cancel: cancel,
		batches: make(chan fetched, 1), msgs: make(chan *sarama.ConsumerMessage, 1), errs: make(chan *sarama.ConsumerError, 1)}
	p.f.maxWait = time.Millisecond // one at its end must not hold up the others, which share a connection
	go p.fetch(ctx, offset)
	go p.deliver(ctx, t.inc.group, offset)
	return p, nil
}

// recoveredPoll is how often a reader looks whether there is more behind the end.
const recoveredPoll = 20 * time.Millisecond

type partitionReader struct {
	sarama.PartitionConsumer // nil: goka calls only what is defined below
	inc                      *incarnation
	store                    *store
	f                        *fetcher
	cancel                   context.CancelFunc
	batches                  chan fetched // one ahead
	msgs                     chan *sarama.ConsumerMessage
	errs                     chan *sarama.ConsumerError
}

func (p *partitionReader) Messages() <-chan *sarama.ConsumerMessage { return p.msgs }
func (p *partitionReader) Errors() <-chan *sarama.ConsumerError     { return p.errs }
func (p *partitionReader) AsyncClose()                              { p.cancel() }

func (p *partitionReader) fetch(ctx context.Context, offset int64) {
	defer close(p.batches)
	for {
		answer, err := p.f.fetch(ctx, offset)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.inc.fail(fmt.Errorf("recovery of %s/%d: %w", p.f.topic, p.f.partition, err)) // goka would keep the text only
			p.errs <- &sarama.ConsumerError{Topic: p.f.topic, Partition: p.f.partition, Err: err}
			return
		}
		if answer.next == offset {
			if sleep(ctx, recoveredPoll) != nil {
				return
			}
			continue
		}
		offset = answer.next
		select {
		case p.batches <- answer:
		case <-ctx.Done():
			return
		}
	}
}

// deliver closes both channels, after which goka's drain returns.
func (p *partitionReader) deliver(ctx context.Context, g *Group, from int64) {
	defer close(p.errs)
	defer close(p.msgs)
	told := g.recovering()
	defer func() {
		for range p.batches { // until fetch has ended, which writes to errs
		}
	}()
	for answer := range p.batches {
		if err := p.store.take(answer.records, answer.next-1); err != nil {
			p.inc.fail(fmt.Errorf("recovery of %s/%d: %w", p.f.topic, p.f.partition, err))
			p.cancel()
			return
		}
		g.metrics.recovery.Add(float64(len(answer.records)))
		told.records.Add(int64(len(answer.records)))
		told.passed.Add(answer.next - from)
		from = answer.next
		select {
		case p.msgs <- &sarama.ConsumerMessage{Topic: p.f.topic, Partition: p.f.partition, Offset: answer.next - 1, Key: []byte(markerKey)}:
		case <-ctx.Done():
			return
		}
	}
}
