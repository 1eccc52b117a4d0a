package engine

import (
	"fmt"
	"sync/atomic"

	"github.com/lovoo/goka"
)

// Input is goka.Input for a graph that the engine runs. Its callback is called
// for each record, though goka knows of one message per fetched batch.
func Input(topic goka.Stream, c goka.Codec, cb goka.ProcessCallback) goka.Edge {
	return goka.Input(topic, c, forEach(cb))
}

// Loop is goka.Loop in the same way.
func Loop(c goka.Codec, cb goka.ProcessCallback) goka.Edge { return goka.Loop(c, forEach(cb)) }

// forEach is the callback as goka knows it. With a context that is not the engine's
// (goka's tester) it is cb.
func forEach(cb goka.ProcessCallback) goka.ProcessCallback {
	return func(ctx goka.Context, message any) {
		t, ok := ctx.(*turn)
		if !ok {
			cb(ctx, message)
			return
		}
		t.taken.Store(true)
		t.claim.deliver(t.goka, cb)
	}
}

// turn is the context that goka hands to forEach: the next batch of a claim is to be
// worked off. It has no methods: a callback that was not made by Input or Loop
// panics here, or leaves the turn untaken; both end Run.
type turn struct {
	gokaContext // nil
	goka        goka.Context
	claim       *claim
	taken       atomic.Bool
}

// gokaContext has a name that its method Context does not clash with.
type gokaContext goka.Context

// wrap runs in the partition's goroutine before goka's callback.
func (inc *incarnation) wrap(ctx goka.Context) goka.Context {
	c := inc.current.Load().claims[topicPartition{string(ctx.Topic()), ctx.Partition()}]
	t := &turn{goka: ctx, claim: c}
	c.turn.Store(t)
	return t
}

// untaken is an error where a callback has left its turn.
func (c *claim) untaken() error {
	if t := c.turn.Load(); t == nil || t.taken.Load() {
		return nil
	}
	return fatalf("the input %s of the graph is goka's own: use engine.Input or engine.Loop", c.topic)
}

// deliver works off the next batch of the claim.
func (c *claim) deliver(ctx goka.Context, call goka.ProcessCallback) {
	s, b := c.session, c.take()
	if b.deliveries[0].offset != ctx.Offset() {
		ctx.Fail(s.inc.failing(fatalf("%s/%d: goka delivers the batch at offset %d, expected %d", c.topic, c.partition, ctx.Offset(), b.deliveries[0].offset)))
		return
	}
	c.goka, c.callback = ctx, call
	if s.gate == nil && !c.workOff(b) || s.gate != nil && !c.transact(b) {
		return // the session is over
	}
	freed, resume := c.release(b)
	s.freed(c, freed, resume)
}

// transact calls back for each record, inside the gate. It goes in once and
// stays there until a commit wants it to itself. A callback that panics never
// leaves: no commit can follow. False: the session is over.
func (c *claim) transact(b *batch) bool {
	s, inside := c.session, false
	for i := range b.deliveries {
		d := &b.deliveries[i]
		s.limit()
		if inside && s.gate.shut.Load() {
			s.gate.leave()
			inside = false
		}
		if !inside && !s.gate.enter() {
			return false
		}
		inside = true
		c.retire(d)
		c.call(d)
	}
	if inside {
		s.gate.leave()
	}
	return true
}

// workOff calls back for each record of a sink that is admitted. False: the
// session is over, or ends.
func (c *claim) workOff(b *batch) bool {
	for i := range b.deliveries {
		d := &b.deliveries[i]
		if !c.admit(d) {
			return false
		}
		c.call(d)
		d.settle()
	}
	return true
}

// call runs the graph's callback.
func (c *claim) call(d *delivery) {
	d.misplaced = partitionOf(c.hash, d.record.Key, c.session.inc.facts.partitions) != c.partition
	var message any // nil: a tombstone
	if d.record.Value != nil {
		var err error
		if message, err = c.codec.Decode(d.record.Value); err != nil {
			d.Fail(fmt.Errorf("decoding the message: %w", err))
		}
	}
	c.callback(d, message)
	d.record = nil // a sink may keep the delivery
}
