package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Delivery is what the engine knows about the message of a callback. It may be
// kept and used by other goroutines after the callback has returned.
type Delivery interface {
	// Session ends when the generation that fetched the record ends or lapses:
	// work for it must be abandoned, somebody else does it again.
	Session() context.Context

	// Live asks the clock too: false once the session is over, or no heartbeat
	// was answered for the session timeout (suspended, cut off) though nobody
	// has had time to end the session yet. Ask right before acting.
	Live() bool

	// FetchedAt is no later than the fetch of the record, by the wall clock.
	FetchedAt() time.Time

	// Age is the time since then by a clock that counts suspend.
	Age() time.Duration

	Topic() goka.Stream
	Partition() int32
	Offset() int64

	// Misplaced: the key hashes to another partition than the record's. Such a
	// message must not touch the table, which another instance may own;
	// SetValue and Delete fail.
	Misplaced() bool
}

// DeliveryOf is the delivery behind the context that a callback was given. For
// a context that is not the engine's (goka's tester) it is one of a session
// that never ends, fetched now.
func DeliveryOf(ctx goka.Context) Delivery {
	if d, ok := ctx.(*delivery); ok {
		return d
	}
	return detached{ctx.Topic(), ctx.Partition(), ctx.Offset(), time.Now()}
}

// delivery is one record on its way, and the context of its callback.
// Deliveries lie in slabs, one per fetched batch.
type delivery struct {
	claim     *claim
	batch     *batch
	record    *kgo.Record // until the callback has returned
	key       string
	offset    int64
	next      int64 // the position after it and after the markers behind it
	epoch     int32 // the leader epoch of the record, or marker, before next
	size      int32
	misplaced bool
	pending   atomic.Int32 // sinks: the callback, each emit and each DeferCommit to come
	done      bool         // sinks, under the claim's mutex
}

func (d *delivery) Session() context.Context { return d.claim.session.ctx }
func (d *delivery) Live() bool               { return !d.claim.session.over() && !d.claim.session.inc.lease.lapsed() }
func (d *delivery) FetchedAt() time.Time     { return d.batch.at }
func (d *delivery) Age() time.Duration       { return bootTime() - d.batch.boot }
func (d *delivery) Misplaced() bool          { return d.misplaced }

// failed ends the incarnation, unless the session is over anyway: work that
// was abandoned then may well report that as its error.
func (d *delivery) failed(err error) {
	if s := d.claim.session; !s.over() {
		s.inc.fail(fmt.Errorf("%s/%d at %d: %w", d.claim.topic, d.claim.partition, d.offset, err))
	}
}

// DeferCommit keeps the message under way until the function is called. When a
// partition stops, the engine waits for DrainTimeout.
func (d *delivery) DeferCommit() func(error) {
	s := d.claim.session
	if s.gate != nil {
		s.gate.stay()
	} else {
		d.pending.Add(1)
	}
	var called atomic.Bool
	return func(err error) {
		if called.Swap(true) {
			return
		}
		switch {
		case err != nil:
			d.failed(err)
		case s.gate != nil:
			s.gate.leave()
		default:
			d.settle()
		}
	}
}

// settle counts down what a sink's message waits for.
func (d *delivery) settle() {
	if d.pending.Add(-1) == 0 {
		d.claim.finish(d)
	}
}

type detached struct {
	topic     goka.Stream
	partition int32
	offset    int64
	at        time.Time
}

func (d detached) Session() context.Context { return context.Background() }
func (d detached) Live() bool               { return true }
func (d detached) FetchedAt() time.Time     { return d.at }
func (d detached) Age() time.Duration       { return time.Since(d.at) }
func (d detached) Topic() goka.Stream       { return d.topic }
func (d detached) Partition() int32         { return d.partition }
func (d detached) Offset() int64            { return d.offset }
func (d detached) Misplaced() bool          { return false }
