package couchbase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// farewell is how long a connection may take for its last answers.
const farewell = time.Second

// work runs all goroutines of the node and waits for them.
func (n *Node) work(ctx context.Context, listeners []net.Listener) error {
	var all sync.WaitGroup
	for _, b := range n.buckets {
		all.Go(func() {
			if err := b.sweepForever(ctx, n.cfg.SweepInterval, n.cfg.PurgeInterval); err != nil {
				n.report(fatal{err})
			}
		})
	}
	all.Go(func() { n.failoverForever(ctx) })
	for _, l := range listeners {
		all.Go(func() { n.acceptConnections(ctx, l, &all) })
	}
	<-ctx.Done()
	close(n.stopping)
	closing := closeAll(listeners)
	n.dismiss()
	all.Wait()
	if cause := context.Cause(ctx); errors.As(cause, new(fatal)) {
		return fmt.Errorf("couchbase node: %w", cause)
	}
	if closing != nil {
		return fmt.Errorf("couchbase node: stop listening: %w", closing)
	}
	return nil
}

func (n *Node) acceptConnections(ctx context.Context, listener net.Listener, all *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil { // too many open files, say: wait for some to be closed
			n.log.Warn("couchbase: accept failed", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c := n.newConnection(conn)
		if !n.admit(c) {
			_ = conn.Close()
			return
		}
		all.Go(func() {
			defer n.leave(c)
			n.report(c.serve())
		})
	}
}

// admit keeps a connection in the list that dismiss goes through.
func (n *Node) admit(c *connection) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.stopping:
		return false
	default:
	}
	n.connections[c] = struct{}{}
	return true
}

func (n *Node) leave(c *connection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.connections, c)
}

// dismiss lets each connection finish what it has read and then end.
func (n *Node) dismiss() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.connections {
		now := time.Now()
		if err := errors.Join(c.conn.SetReadDeadline(now), c.conn.SetWriteDeadline(now.Add(farewell))); err != nil {
			_ = c.conn.Close()
		}
	}
}

// report takes note of how a part of the node ended: a fatal error ends Run.
func (n *Node) report(err error) {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
	case errors.As(err, new(fatal)):
		n.cancel(err)
	default:
		n.log.Debug("couchbase: connection ended", "error", err)
	}
}
