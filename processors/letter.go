package processors

import (
	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// maxLetterKey bounds the raw key in the dead letter of a record that is too
// large to be kept.
const maxLetterKey = 1024

// letter is the dead letter of the record at hand.
func letter(ctx goka.Context, generation int, stage, source, reason string, value []byte) *codec.DeadLetter {
	d := &codec.DeadLetter{
		Generation: generation, Stage: stage, Source: source,
		Topic: string(ctx.Topic()), Partition: ctx.Partition(), Offset: ctx.Offset(),
		Reason: reason, Value: value, Headers: ctx.Headers(),
	}
	if key := ctx.Key(); key != "" {
		d.Key = []byte(key)
	}
	return d
}

// emitLetter writes a dead letter. A record that fits its own topic may be too
// large with the letter's headers: then the letter holds an empty value, never
// null, which a retry would publish as a delete.
func emitLetter(ctx goka.Context, limit int, d *codec.DeadLetter) {
	key, headers := d.Coordinates(), d.KafkaHeaders()
	if !fits(limit, len(key), len(d.Value), headerBytes(headers)) {
		d.Reason += "; the record is too large to be kept here with its coordinates"
		d.Headers = nil
		d.Key = d.Key[:min(len(d.Key), maxLetterKey)]
		d.Value = []byte{}
		headers = d.KafkaHeaders()
	}
	engine.Emit(ctx, topology.DeadLetterTopic, key, d.Value, engine.Headers(headers)...)
}
