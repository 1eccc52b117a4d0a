package kafka

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// door is the bound port. It outlives the nodes behind it, so that no other
// program takes the port while a node is exchanged.
type door struct{ *net.TCPListener }

func (d *door) close() { d.Close() } //nolint:errcheck // nothing follows

// open lets a node accept clients.
func (d *door) open() *clients {
	d.SetDeadline(time.Time{}) //nolint:errcheck // it is a valid listener
	return &clients{door: d, conns: make(map[*client]struct{}), allowed: make(chan struct{}), gone: make(chan struct{})}
}

// clients is a node's listener: it knows the connections, to cut them.
type clients struct {
	door   *door
	mu     sync.Mutex
	conns  map[*client]struct{}
	closed bool
	// kfake accepts as soon as it is made, before it could be told of the journal.
	allowed chan struct{}
	gone    chan struct{}
}

// let begins to let clients in.
func (c *clients) let() { close(c.allowed) }

func (c *clients) Accept() (net.Conn, error) {
	select {
	case <-c.allowed:
	case <-c.gone:
		return nil, net.ErrClosed
	}
	conn, err := c.door.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close() //nolint:errcheck // refused
		return nil, net.ErrClosed
	}
	accepted := &client{Conn: conn, of: c}
	c.conns[accepted] = struct{}{}
	return accepted, nil
}

func (c *clients) Addr() net.Addr { return c.door.Addr() }

// Close lets nobody in any more; the port stays bound, and who knocks waits.
func (c *clients) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.gone)
		c.door.SetDeadline(time.Now()) //nolint:errcheck // it is a valid listener
	}
	return nil
}

// Franz-go retries what a connection lost, but not where it had no answer yet beyond
// that to ApiVersions: that looks like a missing login.
const (
	enoughAnswers = 2
	settlePeriod  = 500 * time.Millisecond
)

// settle lets nobody in any more, and waits a little for those who have just come to
// get the answers after which they live through a cut.
func (c *clients) settle() {
	c.Close() //nolint:errcheck // never fails
	for end := time.Now().Add(settlePeriod); c.anyNew() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *clients) anyNew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		if conn.answers.Load() < enoughAnswers {
			return true
		}
	}
	return false
}

// cut takes every connection away at once: what was to be answered never is.
func (c *clients) cut() {
	c.Close() //nolint:errcheck // never fails
	c.mu.Lock()
	open := c.conns
	c.conns = make(map[*client]struct{})
	c.mu.Unlock()
	for conn := range open {
		conn.Conn.Close() //nolint:errcheck // the client goes either way
	}
}

type client struct {
	net.Conn
	of      *clients
	answers atomic.Int32
}

func (c *client) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.answers.Add(1)
	return n, err
}

func (c *client) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
