// Package freeport finds TCP ports for servers that are told one, by tests and
// benchmark runs.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// The ports tried: below those that Linux (32768), Windows and macOS (49152) give to
// whoever asks for any, so that nobody is given one of them before its server listens,
// or while it restarts.
const (
	first = 10_000
	count = 20_000
)

// Take returns n different ports of 127.0.0.1 where nobody listens. It holds none of
// them: two callers may find the same one, if seldom.
func Take(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for tries := 0; len(ports) < n; tries++ {
		port := first + rand.IntN(count) //nolint:gosec // any port will do
		l, err := net.Listen("tcp", Local(port))
		if err != nil {
			if errors.Is(err, syscall.EADDRINUSE) && tries < 100*(n+1) {
				continue
			}
			return nil, fmt.Errorf("a free port: %w", err)
		}
		defer l.Close() //nolint:errcheck // it was only asked
		ports = append(ports, port)
	}
	return ports, nil
}

// Local is the address of a port of 127.0.0.1.
func Local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
