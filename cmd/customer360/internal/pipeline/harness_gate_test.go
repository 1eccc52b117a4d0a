package pipeline

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// gate stands before the store: while it is closed, requests wait. A poller
// that polls often is never at rest; behind a closed gate it is, with polls
// that have not been answered and so have changed nothing.
type gate struct {
	held atomic.Int64 // requests that wait

	mu   sync.Mutex
	next chan struct{} // closed when those that wait may pass; nil: the gate is open
}

func newGate() *gate { return &gate{} }

func (g *gate) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		next := g.next
		if next != nil {
			g.held.Add(1)
		}
		g.mu.Unlock()
		if next != nil {
			select {
			case <-next:
			case <-r.Context().Done(): // its poller has ended
			}
			g.held.Add(-1)
		}
		h.ServeHTTP(w, r)
	})
}

// close lets nobody pass from now on.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = make(chan struct{})
	}
}

// pass lets those pass that wait.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		close(g.next)
		g.next = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		close(g.next)
		g.next = nil
	}
}
