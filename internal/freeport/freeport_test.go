package freeport

import (
	"net"
	"testing"
)

func TestTakenPortsDifferAndAreFree(t *testing.T) {
	ports, err := Take(50)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] || port < first || port >= first+count {
			t.Errorf("port %d", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", Local(port))
		if err != nil {
			t.Error(err)
			continue
		}
		defer l.Close()
	}
}
