package restpoll

import (
	"fmt"

	"github.com/lovoo/goka"
	gokacodec "github.com/lovoo/goka/codec"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// observer is told of each decision after its writes; they are not committed
// yet.
type observer func(partition int32, topic, key string, offset int64, d *decision)

// graph is the poller's group as a value: documents say who is wanted, polls
// what the store answered, the table when to ask again.
func graph(settings topology.Settings, rules *Rules, observe observer) *goka.GroupGraph {
	raw := new(gokacodec.Bytes) // a codec that fails would stop the partition
	callback := func(ctx goka.Context, msg any) {
		value, _ := msg.([]byte)
		consume(ctx, settings, rules, value, observe)
	}
	return goka.DefineGroup(goka.Group(settings.PollerGroup()),
		engine.Input(goka.Stream(settings.Documents()), raw, callback),
		engine.Input(goka.Stream(settings.Polls()), raw, callback),
		goka.Output(topology.AnswersTopic, raw),
		goka.Output(topology.DeadLetterTopic, raw),
		goka.Persist(raw),
	)
}

// consume decides about one message and writes what was decided.
func consume(ctx goka.Context, settings topology.Settings, rules *Rules, value []byte, observe observer) {
	key, topic := ctx.Key(), string(ctx.Topic())
	if codec.IsOrderKey(key) && topic == settings.Documents() {
		return // most documents are orders: not even the table is asked
	}
	if engine.DeliveryOf(ctx).Misplaced() {
		misplaced(ctx, settings, rules, value, observe)
		return
	}
	var old *entry
	if stored, _ := ctx.Value().([]byte); stored != nil {
		old = new(entry)
		if err := old.decode(stored); err != nil {
			ctx.Fail(engine.Fatal(fmt.Errorf("reading the table of %s at %s/%d offset %d: %w", settings.PollerGroup(), topic, ctx.Partition(), ctx.Offset(), err)))
		}
	}
	raw := codec.Raw{
		Topic: topic, Partition: ctx.Partition(), Offset: ctx.Offset(), Timestamp: ctx.Timestamp(),
		Key: []byte(key), Value: value, Headers: ctx.Headers(),
	}
	var d decision
	if topic == settings.Polls() {
		if len(value) > 0 {
			if err := codec.CheckFormat(int(value[0]), resultFormat); err != nil {
				ctx.Fail(engine.Fatal(fmt.Errorf("the result at %s/%d offset %d: %w", topic, ctx.Partition(), ctx.Offset(), err)))
			}
		}
		d = rules.polled(key, old, &raw)
	} else {
		d = rules.document(key, old, &raw)
	}
	switch d.table {
	case tableSet:
		ctx.SetValue(d.entry.append(nil))
	case tableRemove:
		ctx.Delete()
	}
	if d.publish {
		var answer any // nil: a tombstone
		if d.answer != nil {
			answer = d.answer
		}
		ctx.Emit(topology.AnswersTopic, key, answer)
	}
	if d.dead != nil {
		engine.Emit(ctx, topology.DeadLetterTopic, d.dead.Coordinates(), d.dead.Value, engine.Headers(d.dead.KafkaHeaders())...)
	}
	observe(ctx.Partition(), topic, key, ctx.Offset(), &d)
}

// misplaced takes a record that its writer put into another partition than its
// key's: the entry lies elsewhere.
func misplaced(ctx goka.Context, settings topology.Settings, rules *Rules, value []byte, observe observer) {
	d := decision{outcome: outcomeUnreadable}
	topic := string(ctx.Topic())
	if topic == settings.Polls() {
		raw := codec.Raw{Partition: ctx.Partition(), Offset: ctx.Offset(), Key: []byte(ctx.Key()), Value: value, Headers: ctx.Headers()}
		d.dead = rules.deadLetter(&raw, "the key belongs to another partition: the record was written with another partitioner")
		engine.Emit(ctx, topology.DeadLetterTopic, d.dead.Coordinates(), d.dead.Value, engine.Headers(d.dead.KafkaHeaders())...)
	}
	observe(ctx.Partition(), topic, ctx.Key(), ctx.Offset(), &d)
}
