package restpoll

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// publisher writes raw results and products: plainly and idempotently, since a
// result counts only where its poll is awaited.
type publisher struct {
	kafka   *kgo.Client
	polls   string    // topic of the raw results
	buffers sync.Pool // *[]byte
}

func newPublisher(kafka []kgo.Opt, polls string) (*publisher, error) {
	opts := append(kafka[:len(kafka):len(kafka)],
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // Java's murmur2, as topology.Partition
		kgo.ProducerBatchMaxBytes(topology.MaxMessageBytes),
		// Bodies are large: memory is bounded by bytes, not by the count.
		kgo.MaxBufferedBytes(4*topology.MaxMessageBytes),
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	return &publisher{kafka: client, polls: polls}, nil
}

// result writes a poll's result; done is called once, maybe on another
// goroutine. It blocks while too much is under way.
func (p *publisher) result(ctx context.Context, email string, r *result, done func(error)) {
	buffer, _ := p.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	*buffer = r.append((*buffer)[:0])
	record := &kgo.Record{Topic: p.polls, Key: []byte(email), Value: *buffer}
	p.kafka.Produce(ctx, record, func(_ *kgo.Record, err error) {
		if cap(*buffer) <= keptBuffer {
			p.buffers.Put(buffer)
		}
		done(err)
	})
}

// product writes a product as the store sent it.
func (p *publisher) product(ctx context.Context, id string, body []byte, done func(error)) {
	record := &kgo.Record{Topic: topology.ProductsTopic, Key: []byte(id), Value: body}
	p.kafka.Produce(ctx, record, func(_ *kgo.Record, err error) { done(err) })
}

func (p *publisher) close() { p.kafka.Close() }
