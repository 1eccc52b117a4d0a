package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// windowBytes is what the client holds of outputs that are not acknowledged, each
// with recordOverhead. The client encodes and compresses them in buffers as large as a
// whole request, which were most of the process's memory and copies when what had been
// held over a commit became one request of tens of MB.
const windowBytes = 4 << 20

// outputs of a partition are on their way to the client in the order of the emits,
// whichever of its inputs they are about. They wait in queue for room in the window.
// While a transaction is committed new ones are held: they belong to the next one.
type outputs struct {
	mu      sync.Mutex
	queue   []output
	at      int // queue[:at] is produced
	holding bool
	held    []output
}

type output struct {
	record  *kgo.Record
	promise func(*kgo.Record, error)
	size    int // in the window
}

func (o *outputs) produce(s *session, out output) {
	o.mu.Lock()
	now := !o.holding && o.at == len(o.queue) && s.window.reserve(out.size)
	switch {
	case o.holding:
		o.held = append(o.held, out)
	case !now:
		o.queue = append(o.queue, out)
		s.window.wait(1)
	}
	o.mu.Unlock()
	if now { // nobody else emits for the partition
		s.inc.client.Produce(context.Background(), out.record, out.promise)
	}
}

// hold keeps new ones out of the transaction.
func (o *outputs) hold() {
	o.mu.Lock()
	o.holding = true
	o.mu.Unlock()
}

// release lets held ones queue, after all that came before has been produced.
func (o *outputs) release(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue, o.held, o.holding = o.held, o.queue, false
	s.window.wait(len(o.queue))
}

// feed produces what waits, while there is room.
func (o *outputs) feed(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.at < len(o.queue) && s.window.reserve(o.queue[o.at].size) {
		out := o.queue[o.at]
		o.queue[o.at] = output{}
		o.at++
		s.inc.client.Produce(context.Background(), out.record, out.promise)
		s.window.wait(-1)
	}
	if o.at == len(o.queue) {
		o.queue, o.at = o.queue[:0], 0
	}
}

func sizeOf(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

// window counts what the client has not finished, and what waits for it.
type window struct {
	used    atomic.Int64
	waiting atomic.Int64
	room    chan struct{} // capacity 1: some waits, and there is room
	empty   chan struct{} // capacity 1: none waits any more
	crowd   chan struct{} // capacity 1: some waits
}

func newWindow() *window {
	return &window{room: make(chan struct{}, 1), empty: make(chan struct{}, 1), crowd: make(chan struct{}, 1)}
}

// reserve makes room, if there is any; what is larger than all of it goes alone.
func (w *window) reserve(size int) bool {
	for {
		used := w.used.Load()
		if used > 0 && used+int64(size) > windowBytes {
			return false
		}
		if w.used.CompareAndSwap(used, used+int64(size)) {
			return true
		}
	}
}

// wait notes that n more, or fewer, outputs wait.
func (w *window) wait(n int) {
	if n == 0 {
		return
	}
	waiting := w.waiting.Add(int64(n))
	switch {
	case waiting == 0:
		signal(w.empty)
	case n > 0:
		signal(w.crowd)
		w.offer()
	}
}

// done is for each output that the client has finished.
func (w *window) done(r *kgo.Record) {
	w.used.Add(-int64(sizeOf(r) + recordOverhead))
	w.offer()
}

// offer wakes the pump at half, so that it has something to do. It is called after
// each change of waiting or used; of two at once, the later one sees both.
func (w *window) offer() {
	if w.waiting.Load() > 0 && w.used.Load() < windowBytes/2 {
		signal(w.room)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pump produces what waits for room.
func (s *session) pump() {
	for _, o := range s.outputs {
		o.feed(s)
	}
	if s.window.waiting.Load() > 0 {
		signal(s.window.crowd)
	}
}

// hurry keeps batches from waiting for company while outputs wait for room.
func (s *session) hurry() { _ = s.inc.client.Flush(s.ctx) }

// upon calls do for each signal, until the session is over.
func (s *session) upon(c <-chan struct{}, do func()) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-c:
			do()
		}
	}
}

// flushed waits until all outputs of the transaction are acknowledged.
func (s *session) flushed(ctx context.Context) error {
	w := s.window
	for w.waiting.Load() > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.empty: // perhaps long ago
		}
	}
	if err := s.inc.client.Flush(ctx); err != nil {
		return context.Cause(ctx)
	}
	return s.inc.failure()
}
