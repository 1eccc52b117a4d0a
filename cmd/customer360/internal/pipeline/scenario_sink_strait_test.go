package pipeline

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

// strait is the network between a sink and the node: it can hold writes up that
// have left the sink, while reads pass, and let them arrive when their sender
// is long gone.
//
// The node tells its clients the port to use and leaves the host to them. So
// the same port on another address of this host is enough to stand between.
type strait struct {
	t        *testing.T
	listener net.Listener
	node     string
	done     sync.WaitGroup

	mu      sync.Mutex
	holding bool
	held    []heldWrite
	conns   []net.Conn
	late    map[lateWrite]bool // let through, not answered yet
	answers []memd.StatusCode  // of late writes
}

type heldWrite struct {
	lateWrite
	packet []byte
}

// lateWrite names a request: its connection to the node, and its number there.
type lateWrite struct {
	to     net.Conn
	opaque uint32
}

// strait opens one, and returns the connection string that leads through it.
func (c *cluster) strait() (*strait, string) {
	c.t.Helper()
	_, port, err := net.SplitHostPort(c.node.Addr())
	if err != nil {
		c.t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(c.t.Context(), "tcp", "127.0.0.2:"+port)
	if err != nil {
		c.t.Skipf("this host has no second loopback address: %v", err)
	}
	s := &strait{t: c.t, listener: l, node: c.node.Addr(), late: map[lateWrite]bool{}}
	s.done.Go(s.serve)
	c.t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		s.mu.Unlock()
		s.done.Wait()
	})
	return s, strings.Replace(c.node.ConnectionString(), "127.0.0.1", "127.0.0.2", 1)
}

func (s *strait) serve() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		node, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", s.node)
		if err != nil {
			_ = client.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, node)
		s.mu.Unlock()
		s.done.Go(func() { s.requests(client, node) })
		s.done.Go(func() { s.responses(client, node) })
	}
}

// requests carries packets to the node. The connection to it stays when the
// client's is gone: packets of a dead sender still arrive.
func (s *strait) requests(client, node net.Conn) {
	for {
		packet, err := readPacket(client)
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.holding && memd.CmdCode(packet[1]) == memd.CmdSubDocMultiMutation {
			s.held = append(s.held, heldWrite{lateWrite{node, binary.BigEndian.Uint32(packet[12:])}, packet})
			s.mu.Unlock()
			continue
		}
		_, err = node.Write(packet)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *strait) responses(client, node net.Conn) {
	for {
		packet, err := readPacket(node)
		if err != nil {
			_ = client.Close()
			return
		}
		s.mu.Lock()
		if id := (lateWrite{node, binary.BigEndian.Uint32(packet[12:])}); s.late[id] {
			delete(s.late, id)
			s.answers = append(s.answers, memd.StatusCode(binary.BigEndian.Uint16(packet[6:])))
		}
		s.mu.Unlock()
		_, _ = client.Write(packet) // it may be gone
	}
}

// readPacket reads one packet of the memcached binary protocol: 24 bytes of
// header, in which bytes 8 to 11 are the length of the rest.
func readPacket(r io.Reader) ([]byte, error) {
	packet := make([]byte, 24, 512)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(packet[8:]))
	packet = append(packet, make([]byte, n)...)
	_, err := io.ReadFull(r, packet[24:])
	return packet, err
}

// hold holds all writes up from now on.
func (s *strait) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

func (s *strait) caught() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held) > 0
}

// release lets the held writes arrive and returns what the node answers.
func (s *strait) release() []memd.StatusCode {
	s.t.Helper()
	s.mu.Lock()
	s.holding = false
	n := len(s.held)
	for _, h := range s.held {
		s.late[h.lateWrite] = true
		if _, err := h.to.Write(h.packet); err != nil {
			s.t.Errorf("a late write did not arrive: %v", err)
		}
	}
	s.held = nil
	s.mu.Unlock()
	for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		answers := s.answers
		s.mu.Unlock()
		if len(answers) >= n {
			return answers
		}
		if time.Now().After(end) {
			s.t.Fatalf("%d of %d late writes were answered", len(answers), n)
		}
	}
}
