package engine

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tableReader is sarama's Consumer for goka's recovery: a read_committed
// reader that reports where the log ends even if that is a transaction marker.
// goka waits for the message at the high watermark less one, and that is a
// marker after every commit; a message with markerKey stands for whatever is
// invisible, and only its offset counts.
type tableReader struct {
	sarama.Consumer // nil: goka calls only what is defined below
	inc             *incarnation
}

func (tableReader) HighWaterMarks() map[string]map[int32]int64 { return nil }
func (tableReader) Close() error                               { return nil }

func (t tableReader) ConsumePartition(topic string, partition int32, offset int64) (sarama.PartitionConsumer, error) {
	ctx, cancel := context.WithCancel(t.inc.ctx)
	p := &partitionReader{inc: t.inc, f: newFetcher(t.inc.group.admin, topic, partition, readerMaxBytes), cancel: cancel,
		batches: make(chan fetched, 1), msgs: make(chan *sarama.ConsumerMessage, 256), errs: make(chan *sarama.ConsumerError, 1)}
	go p.fetch(ctx, offset)
	go p.deliver(ctx, t.inc.group, offset)
	return p, nil
}

type partitionReader struct {
	sarama.PartitionConsumer // nil: goka calls only what is defined below
	inc                      *incarnation
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
	for answer := range p.batches {
		last, counted := int64(-1), 0
		count := func(records int, next int64) {
			g.metrics.recovery.Add(float64(records - counted))
			told.records.Add(int64(records - counted))
			told.passed.Add(next - from)
			counted, from = records, next
		}
		msgs := make([]sarama.ConsumerMessage, len(answer.records)+1)
		for i, r := range answer.records {
			msgs[i] = tableMessage(r)
			last = r.Offset
		}
		n := len(answer.records)
		if answer.next-1 > last {
			msgs[n] = sarama.ConsumerMessage{Topic: p.f.topic, Partition: p.f.partition, Offset: answer.next - 1, Key: []byte(markerKey)}
			n++
		}
		for i := range msgs[:n] {
			select {
			case p.msgs <- &msgs[i]:
			case <-ctx.Done():
				for range p.batches { // until fetch has ended, which writes to errs
				}
				return
			}
			if i%1024 == 1023 {
				count(min(i+1, len(answer.records)), msgs[i].Offset+1)
			}
		}
		count(len(answer.records), answer.next)
	}
}

func tableMessage(r *kgo.Record) sarama.ConsumerMessage {
	return sarama.ConsumerMessage{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
}
