package engine_test

import (
	"context"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// network is what lies between one instance and the broker: it can stand
// still, as for a suspended process, and be cut.
type network struct {
	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool
	conns  map[*wire]bool
}

func newNetwork() *network {
	n := &network{conns: map[*wire]bool{}}
	n.thawed = sync.NewCond(&n.mu)
	return n
}

func (n *network) option() kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		n.wait()
		c, err := new(net.Dialer).DialContext(ctx, network, host)
		if err != nil {
			return nil, err
		}
		w := &wire{Conn: c, n: n}
		n.mu.Lock()
		n.conns[w] = true
		n.mu.Unlock()
		return w, nil
	})
}

func (n *network) wait() {
	n.mu.Lock()
	for n.frozen {
		n.thawed.Wait()
	}
	n.mu.Unlock()
}

func (n *network) freeze(on bool) {
	n.mu.Lock()
	n.frozen = on
	n.thawed.Broadcast()
	n.mu.Unlock()
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.conns {
		_ = w.Conn.Close()
	}
}

type wire struct {
	net.Conn
	n *network
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.n.wait()
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	w.n.wait()
	return w.Conn.Write(b)
}

func (w *wire) Close() error {
	w.n.mu.Lock()
	delete(w.n.conns, w)
	w.n.mu.Unlock()
	return w.Conn.Close()
}
