package couchbase

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
)

// letters produces dead letters, idempotently, and lets the offset move when
// the broker has them.
type letters struct {
	client     *kgo.Client
	meter      *meter
	stage      string
	source     string
	generation int
}

func newLetters(opts []kgo.Opt, m *meter, stage, source string, generation int) (*letters, error) {
	client, err := kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableClientMetrics(),
		kgo.ProducerBatchMaxBytes(topology.MaxMessageBytes), kgo.BrokerMaxWriteBytes(4*topology.MaxMessageBytes),
		kgo.MaxBufferedBytes(4*topology.MaxMessageBytes), kgo.DefaultProduceTopic(topology.DeadLetterTopic),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("couchbase: the producer of dead letters: %w", err)
	}
	return &letters{client, m, stage, source, generation}, nil
}

func (l *letters) close() { l.client.Close() }

// framing is more than Kafka adds to a record and its batch.
const framing = 1024

// maxLetterKey bounds the key in the letter of a record that is too large.
const maxLetterKey = 1024

// send calls the message's done when the letter is acknowledged. It gives up
// when the session ends, without calling it.
func (l *letters) send(m *message, reason string) {
	d := &codec.DeadLetter{Generation: l.generation, Stage: l.stage, Source: l.source,
		Topic: m.raw.Topic, Partition: m.raw.Partition, Offset: m.raw.Offset,
		Reason: reason, Key: m.raw.Key, Value: m.raw.Value, Headers: m.raw.Headers}
	l.client.Produce(m.delivery.Session(), record(d), func(_ *kgo.Record, err error) {
		switch {
		case err == nil:
			l.meter.count(deadLetter, 1)
			m.done(nil)
		case m.delivery.Session().Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed):
			l.meter.count(abandoned, 1)
		default:
			m.done(fmt.Errorf("writing a dead letter to %s: %w", topology.DeadLetterTopic, err))
		}
	})
}

// record is the letter's Kafka record. Where it would be too large it holds an
// empty value, never null, which a retry would publish as a removal.
func record(d *codec.DeadLetter) *kgo.Record {
	r := &kgo.Record{Key: []byte(d.Coordinates()), Value: d.Value, Headers: headersOf(d)}
	if size(r) > topology.MaxMessageBytes-framing {
		d.Reason += "; the record is too large to be kept here with its coordinates"
		d.Headers, d.Value, d.Key = nil, []byte{}, d.Key[:min(len(d.Key), maxLetterKey)]
		r.Value, r.Headers = d.Value, headersOf(d)
	}
	return r
}

func headersOf(d *codec.DeadLetter) []kgo.RecordHeader {
	var headers []kgo.RecordHeader
	for k, v := range d.KafkaHeaders() {
		headers = append(headers, kgo.RecordHeader{Key: k, Value: v})
	}
	return headers
}

func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
