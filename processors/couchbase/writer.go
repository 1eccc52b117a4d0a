package couchbase

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"customer360/topology/engine"
)

// writer brings messages into a collection: for each key one operation at a
// time, the newest message first. What is queued is bounded by the engine.
type writer struct {
	cfg    Config
	target Target
	store  store
	rules  rules
	cache  *cache
	guess  guess
	log    *slog.Logger
	meter  *meter
	refuse func(m *message, reason string) // makes a dead letter of it
	health health

	mu    sync.Mutex
	work  *sync.Cond
	keys  map[string]*queue // of messages under way
	ready []*queue          // nobody works on them yet
	over  bool
}

func newWriter(cfg Config, t Target, s store, log *slog.Logger, m *meter, refuse func(*message, string)) *writer {
	w := &writer{cfg: cfg, target: t, store: s, rules: cfg.rules(), cache: newCache(cfg.CacheEntries, cfg.CacheBytes),
		log: log, meter: m, refuse: refuse, keys: map[string]*queue{}}
	w.health = health{log: log}
	w.work = sync.NewCond(&w.mu)
	return w
}

// submit takes a message; its done is called when it is durable, superseded by
// a newer one that is, refused, or must be fetched again.
func (w *writer) submit(m *message) {
	w.meter.inFlight(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if q := w.keys[m.key]; q != nil {
		q.messages = append(q.messages, m)
		return
	}
	q := &queue{key: m.key, messages: []*message{m}}
	w.keys[m.key] = q
	w.ready = append(w.ready, q)
	w.work.Signal()
}

// run works until ctx ends. Messages that are under way then are abandoned.
func (w *writer) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		w.over = true
		w.work.Broadcast()
		w.mu.Unlock()
	})
	defer stop()
	var workers sync.WaitGroup
	for range w.cfg.Workers {
		workers.Go(func() {
			for q := w.next(); q != nil; q = w.next() {
				w.settle(ctx, q)
			}
		})
	}
	workers.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.keys {
		w.meter.inFlight(-len(q.messages))
		w.meter.count(abandoned, len(q.messages))
	}
	clear(w.keys)
}

func (w *writer) next() *queue {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.ready) == 0 && !w.over {
		w.work.Wait()
	}
	if w.over {
		return nil
	}
	q := w.ready[0]
	w.ready[0] = nil
	w.ready = w.ready[1:]
	return q
}

// pick is the message to write next, nil when the key has none left: then the
// queue is forgotten. Messages that may not be acted on any more leave it.
func (w *writer) pick(q *queue) *message {
	w.mu.Lock()
	var old []*message
	gone := q.take(func(m *message) bool {
		f := m.fitness(w.cfg.MaxAge)
		if f == tooLong {
			old = append(old, m)
		}
		return f != fit
	})
	m := q.newest()
	if m == nil {
		delete(w.keys, q.key)
	}
	w.mu.Unlock()
	w.meter.inFlight(-len(gone))
	w.meter.count(abandoned, len(gone))
	for _, m := range old {
		m.done(engine.ErrRefetch)
	}
	return m
}

// complete ends all messages up to a fence that Couchbase has: m as said, the
// others as superseded.
func (w *writer) complete(q *queue, m *message, fence Fence, o outcome) {
	w.mu.Lock()
	finished := q.take(func(other *message) bool { return other == m || other.fence.Compare(fence) <= 0 })
	w.mu.Unlock()
	w.meter.count(o, 1)
	w.meter.count(superseded, len(finished)-1)
	w.meter.inFlight(-len(finished))
	for _, f := range finished {
		f.done(nil)
	}
}

// drop takes one message out of the queue, whose done somebody else calls.
func (w *writer) drop(q *queue, m *message) {
	w.mu.Lock()
	q.take(func(other *message) bool { return other == m })
	w.mu.Unlock()
	w.meter.inFlight(-1)
}

// settle works on a key until nothing of it is left, or ctx ends.
func (w *writer) settle(ctx context.Context, q *queue) {
	known, cached := w.cache.get(q.key)
	remembered := cached
	var refuted state // what was known when a race was lost
	a, failed := attempts{cfg: w.cfg}, false
	for ctx.Err() == nil {
		m := w.pick(q)
		if m == nil {
			return
		}
		guessed := !cached && !failed && w.guess.isNew() && plan(state{}, m.mutation, w.rules) == insert
		switch {
		case guessed:
			known = state{}
		case !cached:
			start := time.Now()
			var err error
			known, err = w.store.lookup(w.health.watch(ctx), q.key)
			w.meter.operation(lookUp, start, err)
			if err != nil {
				if !w.failed(ctx, q, m, &a, lookUp, err) {
					return
				}
				continue
			}
			w.guess.saw(known.presence)
			if known.changedSince(refuted) {
				w.foreign(q.key, changed)
			}
			refuted = state{}
		}
		s := insert
		if !guessed {
			s = plan(known, m.mutation, w.rules)
		}
		if !s.writes() {
			if cached { // what is remembered may save a look-up, not a write
				cached = false
				continue
			}
			if known.fenced && !remembered { // what we wrote tells whether somebody else has since
				w.cache.put(q.key, known)
			}
			w.skip(q, m, s, known)
			continue
		}
		if !cached && !guessed && m.fitness(w.cfg.MaxAge) != fit {
			continue // the look-up took long: pick sorts it out
		}
		start := time.Now()
		op := m.mutation
		op.fence = carries(s, known, op)
		cas, err := w.store.operate(w.health.watch(ctx), q.key, s, known.cas, op)
		w.meter.operation(s, start, err)
		if err != nil {
			cached, failed, refuted = false, true, known
			w.cache.drop(q.key)
			if guessed && classify(err) == lost {
				continue // the look-up tells what is there
			}
			if !w.failed(ctx, q, m, &a, s, err) {
				return
			}
			continue
		}
		w.health.good()
		a.reset()
		if known.presence == live && !known.fenced && s != retype { // which is followed by replace
			w.foreign(q.key, Overwrite)
		}
		known, cached = after(s, known, op.fence, cas), true
		if s.prepares() {
			continue
		}
		w.cache.put(q.key, known)
		o := written
		if m.body == nil {
			o = removed
		}
		w.complete(q, m, m.fence, o)
	}
}

// skip completes a message that changes nothing.
func (w *writer) skip(q *queue, m *message, s step, known state) {
	w.health.good()
	switch s {
	case alreadyDone:
		w.complete(q, m, known.fence, unchanged)
	case stale:
		w.complete(q, m, known.fence, outdated)
	default:
		w.foreign(q.key, Keep)
		w.complete(q, m, m.fence, kept)
	}
}

// foreign says once per key that somebody else wrote a document.
func (w *writer) foreign(key, what string) {
	say, last := w.meter.foreignDocument(key, what)
	if !say {
		return
	}
	text := "a document carries no fence: an older system or a person wrote it"
	if what == changed {
		text = "a document was changed by somebody else under its fence: it is overwritten"
	}
	w.log.Warn(text, "key", key, "target", w.target.String(), "foreign", what)
	if last {
		w.log.Warn("no more keys of foreign documents are logged, they are only counted", "logged", maxForeign)
	}
}

// failed does what is to be done about an error; false: the worker leaves the
// key, because the sink stops.
func (w *writer) failed(ctx context.Context, q *queue, m *message, a *attempts, what step, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	c := classify(err)
	w.meter.retry(c)
	switch c {
	case fatal:
		w.drop(q, m)
		m.done(engine.Fatal(explain(err, w.cfg, w.target)))
		return sleep(ctx, w.cfg.RetryMax) // the rest is abandoned when the session ends
	case refused:
		w.log.Warn("Couchbase refuses a document: dead letter", "target", w.target.String(), "operation", operationName(what), "error", brief(err))
		w.drop(q, m)
		w.refuse(m, "Couchbase refuses the document: "+brief(err))
		return true
	case lost:
		return a.raced(ctx)
	}
	w.health.bad(ctx, w.target, operationName(what), err)
	return a.wait(ctx, &w.health)
}
