package kafkatest

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// port stays bound while the node behind it is exchanged: nobody else can take
// it, and clients that knock meanwhile wait.
type port struct{ *net.TCPListener }

// openPort binds a port of 127.0.0.1; 0: any free one.
func openPort(number int) (*port, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", number))
	if err != nil {
		return nil, err
	}
	return &port{l.(*net.TCPListener)}, nil
}

// open is the listener of one node.
func (p *port) open() net.Listener {
	_ = p.SetDeadline(time.Time{})
	return &gate{port: p}
}

// gate is a listener whose Close lets the port be.
type gate struct {
	*port
	mu     sync.Mutex
	closed bool
}

func (g *gate) Accept() (net.Conn, error) {
	conn, err := g.port.Accept()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		if err == nil {
			_ = conn.Close()
		}
		return nil, net.ErrClosed
	}
	return conn, err
}

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		_ = g.SetDeadline(time.Now()) // wakes Accept
	}
	return nil
}
