package engine

import (
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
