package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// gate counts the partitions' goroutines of a transactional session in and out,
// and the work that callbacks leave behind. A commit closes the gate, waits until
// nobody is inside: then offsets, state and outputs are those of the very same
// messages. It opens the gate again when it has them, long before it has ended.
type gate struct {
	mu           sync.Mutex
	opened       *sync.Cond
	closed, over bool
	inside       int
	since        time.Time     // closed
	full         bool          // closed since the transaction is full, not yet by a commit
	shut         atomic.Bool   // closed or over: leave after this message
	emptied      chan struct{} // capacity 1: somebody left a closed gate empty
}

func newGate() *gate {
	g := &gate{closed: true, emptied: make(chan struct{}, 1)}
	g.shut.Store(true)
	g.opened = sync.NewCond(&g.mu)
	return g
}

// enter waits while a commit is under way; false: the session is over.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed && !g.over {
		g.opened.Wait()
	}
	if g.over {
		return false
	}
	g.inside++
	return true
}

// stay is for work that a message inside leaves behind (DeferCommit).
func (g *gate) stay() {
	g.mu.Lock()
	g.inside++
	g.mu.Unlock()
}

func (g *gate) leave() {
	g.mu.Lock()
	g.inside--
	left := g.closed && g.inside == 0
	g.mu.Unlock()
	if left {
		signal(g.emptied)
	}
}

// fill closes it until a commit has room for more.
func (g *gate) fill() {
	g.mu.Lock()
	if !g.closed {
		g.closed, g.full, g.since = true, true, time.Now()
	}
	g.shut.Store(true)
	g.mu.Unlock()
}

// close is a commit's. It tells how long the gate has been full before; 0: it was not.
func (g *gate) close() (full time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.full {
		full = now.Sub(g.since)
	}
	g.closed, g.full, g.since = true, false, now
	g.shut.Store(true)
	return full
}

func (g *gate) open() {
	g.mu.Lock()
	g.closed, g.full = false, false
	g.shut.Store(g.over)
	g.opened.Broadcast()
	g.mu.Unlock()
}

// end lets all who wait go away with nothing.
func (g *gate) end() {
	g.mu.Lock()
	g.over = true
	g.shut.Store(true)
	g.opened.Broadcast()
	g.mu.Unlock()
}

// pause is how long a commit has it closed already.
func (g *gate) pause() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Since(g.since)
}

func (g *gate) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside == 0
}

// drain waits until nobody is inside the closed gate.
func (g *gate) drain(ctx context.Context) error {
	for !g.empty() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-g.emptied: // perhaps long ago
		}
	}
	return nil
}
