package couchbase

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// listen opens the node's address, and the one that speaks TLS where there is one.
func (n *Node) listen() ([]net.Listener, error) {
	plain, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", n.cfg.Listen, err)
	}
	n.address, n.port = plain.Addr().String(), plain.Addr().(*net.TCPAddr).Port
	if n.cfg.TLS == nil {
		return []net.Listener{plain}, nil
	}
	secure, err := tls.Listen("tcp", n.cfg.ListenTLS, n.cfg.TLS)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", n.cfg.ListenTLS, err), plain.Close())
	}
	n.secure, n.portTLS = secure.Addr().String(), secure.Addr().(*net.TCPAddr).Port
	return []net.Listener{plain, secure}, nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// certified says whether the client has shown a certificate that the node
// trusts. The handshake is over once the first byte was read.
func (c *connection) certified() bool {
	secure, ok := c.conn.(*tls.Conn)
	return ok && len(secure.ConnectionState().VerifiedChains) > 0
}
