package engine

import (
	"context"
	"errors"
	"sync"
	"time"
)

// gate counts the messages of a transactional session in and out. A message
// passes it when its callback begins and leaves it when the callback has
// returned and all its emits are acknowledged. A commit closes the gate and
// waits until nobody is inside: then offsets, state and outputs are those of
// the very same messages.
type gate struct {
	mu           sync.Mutex
	opened       *sync.Cond
	closed, over bool
	inside       int
	emptied      chan struct{} // capacity 1: somebody left a closed gate empty
}

func newGate() *gate {
	g := &gate{closed: true, emptied: make(chan struct{}, 1)}
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
	signal := g.closed && g.inside == 0
	g.mu.Unlock()
	if signal {
		select {
		case g.emptied <- struct{}{}:
		default:
		}
	}
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

func (g *gate) open() {
	g.mu.Lock()
	g.closed = false
	g.opened.Broadcast()
	g.mu.Unlock()
}

// end lets all who wait go away with nothing.
func (g *gate) end() {
	g.mu.Lock()
	g.over = true
	g.opened.Broadcast()
	g.mu.Unlock()
}

func (g *gate) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside == 0
}

// drain waits until nobody is inside the closed gate. flush pushes emits out:
// callbacks that are still running go on emitting, so it is called repeatedly.
func (g *gate) drain(ctx context.Context, limit time.Duration, flush func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		errors.New("messages are still under way: a callback or DeferCommit outlasts the transaction timeout, or the broker is away"))
	defer cancel()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for delay := 200 * time.Microsecond; ; delay = min(2*delay, 10*time.Millisecond) {
		if err := flush(ctx); err != nil {
			return context.Cause(ctx)
		}
		if g.empty() {
			return nil
		}
		wait.Reset(delay)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-g.emptied:
		case <-wait.C:
		}
	}
}
