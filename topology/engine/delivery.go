package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
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

// gokaContext has a name that its method Context does not clash with.
type gokaContext goka.Context

// delivery is one message on its way through goka, and the context of its
// callback. Deliveries lie in slabs, one per fetched batch.
type delivery struct {
	gokaContext // during the callback only
	claim       *claim
	batch       *batch
	offset      int64
	next        int64 // the position after it and after the markers behind it
	epoch       int32 // the leader epoch of the record, or marker, before next
	size        int32
	misplaced   bool
	pending     atomic.Int32 // sinks: goka's mark and each DeferCommit to come
	done        bool         // sinks, under the claim's mutex
}

func (d *delivery) Session() context.Context { return d.claim.session.ctx }
func (d *delivery) Live() bool               { return !d.claim.session.over() && !d.claim.session.inc.lease.lapsed() }
func (d *delivery) FetchedAt() time.Time     { return d.batch.at }
func (d *delivery) Age() time.Duration       { return bootTime() - d.batch.boot }
func (d *delivery) Topic() goka.Stream       { return goka.Stream(d.claim.topic) }
func (d *delivery) Partition() int32         { return d.claim.partition }
func (d *delivery) Offset() int64            { return d.offset }
func (d *delivery) Misplaced() bool          { return d.misplaced }

// Fail notes the error as it is, since goka keeps its text only, and never
// returns, while goka's does when the session is over.
func (d *delivery) Fail(err error) {
	defer d.failed(err) // it ends the session, so after goka's
	d.gokaContext.Fail(err)
	panic(err)
}

// failed ends the incarnation, unless the session is over anyway: work that
// was abandoned then may well report that as its error.
func (d *delivery) failed(err error) {
	if s := d.claim.session; !s.over() {
		s.inc.fail(fmt.Errorf("%s/%d at %d: %w", d.claim.topic, d.claim.partition, d.offset, err))
	}
}

func (d *delivery) SetValue(value any, options ...goka.ContextOption) {
	d.mayWrite()
	d.gokaContext.SetValue(value, options...)
}

func (d *delivery) Delete(options ...goka.ContextOption) {
	d.mayWrite()
	d.gokaContext.Delete(options...)
}

func (d *delivery) mayWrite() {
	if d.misplaced {
		d.Fail(fatalf("the callback writes the table for a record whose key hashes to another partition: produced with another partitioner"))
	}
}

// DeferCommit keeps the message under way until the function is called. It
// replaces goka's: a partition of goka waits 60 s for deferred commits when it
// stops, the engine for DrainTimeout.
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
