package chaos

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is the network between one run process and one server: a listener, and a
// connection to the server for each that it takes.
type link struct {
	listener net.Listener
	server   string
	// wire makes a view of each connection that knows its protocol; nil: bytes.
	wire func() wire

	mu      sync.Mutex
	state   Kind          // "": all passes
	changed chan struct{} // closed when state changes
	pairs   map[*pair]struct{}
	wait    sync.WaitGroup
}

// wire cuts a stream into what is forwarded at once. A result is only valid
// until the next call.
type wire interface {
	request(*bufio.Reader) ([]byte, error)
	answer(*bufio.Reader) ([]byte, error)
}

// pair is a client's connection and ours to the server.
type pair struct {
	client, server net.Conn
	once           sync.Once
	gone           chan struct{}
}

func (p *pair) close() {
	p.once.Do(func() {
		close(p.gone)
		p.client.Close() //nolint:errcheck // it is broken on purpose
		p.server.Close() //nolint:errcheck // the same
	})
}

// openLink listens; server may be there or not.
func openLink(listen, server string, w func() wire) (*link, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	if w == nil {
		w = func() wire { return &chunks{} }
	}
	l := &link{listener: listener, server: server, wire: w, changed: make(chan struct{}), pairs: map[*pair]struct{}{}}
	l.wait.Go(l.accept)
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

// set changes what passes. Cut, and the end of HalfOpen, break the connections:
// what was withheld is lost.
func (l *link) set(state Kind) {
	l.mu.Lock()
	before := l.state
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
	var broken []*pair
	if state == Cut || before == HalfOpen {
		for p := range l.pairs {
			broken = append(broken, p)
		}
	}
	l.mu.Unlock()
	for _, p := range broken {
		p.close()
	}
}

// close ends everything and waits for it.
func (l *link) close() {
	l.listener.Close() //nolint:errcheck // nothing follows
	l.set(Cut)
	l.wait.Wait()
}

func (l *link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.wait.Go(func() { l.join(client) })
	}
}

// join serves one connection.
func (l *link) join(client net.Conn) {
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", l.server)
	if err != nil {
		client.Close() //nolint:errcheck // the server is not there
		return
	}
	p := &pair{client: client, server: server, gone: make(chan struct{})}
	l.mu.Lock()
	refused := l.state == Cut
	if !refused {
		l.pairs[p] = struct{}{}
	}
	l.mu.Unlock()
	defer func() {
		p.close()
		l.mu.Lock()
		delete(l.pairs, p)
		l.mu.Unlock()
	}()
	if refused {
		return
	}
	w := l.wire()
	var both sync.WaitGroup
	both.Go(func() { l.pump(p, server, client, w.request, false) })
	both.Go(func() { l.pump(p, client, server, w.answer, true) })
	both.Wait()
}

// pump forwards one direction until either side ends.
func (l *link) pump(p *pair, to io.Writer, from io.Reader, next func(*bufio.Reader) ([]byte, error), answers bool) {
	defer p.close()
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		piece, err := next(in)
		if err != nil || !l.may(p, answers) {
			return
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

// delay is how late each piece is under Delay.
const delay = 150 * time.Millisecond

// may waits until a piece may pass; false: the connection is gone.
func (l *link) may(p *pair, answers bool) bool {
	for late := false; ; {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		var over <-chan time.Time
		switch {
		case state == Stall, state == HalfOpen && answers:
		case state == Delay && !late:
			late = true
			over = time.After(delay)
		default:
			select {
			case <-p.gone:
				return false
			default:
				return true
			}
		}
		select {
		case <-p.gone:
			return false
		case <-changed:
		case <-over:
		}
	}
}

// chunks is a wire of bytes.
type chunks struct{ up, down [32 << 10]byte }

func (c *chunks) request(r *bufio.Reader) ([]byte, error) { return some(r, c.up[:]) }
func (c *chunks) answer(r *bufio.Reader) ([]byte, error)  { return some(r, c.down[:]) }

func some(r *bufio.Reader, buffer []byte) ([]byte, error) {
	n, err := r.Read(buffer)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return buffer[:n], err
}
