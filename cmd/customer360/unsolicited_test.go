package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnsolicitedAnswersAreNotPrinted: a store that sends more than it was asked
// for, which net/http would print.
func TestUnsolicitedAnswersAreNotPrinted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 4096)); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nann@example.org pw-5owhiy1j\r\n")
				asked <- struct{}{}
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	text := fmt.Sprintf("kafka: {brokers: ['127.0.0.1:1']}\ncouchbase: {connection_string: 'couchbase://127.0.0.1:1'}\nonline_store: {url: 'http://%s/api'}\nloyalty: {folder: %s}\nstate_dir: %s\n",
		l.Addr(), dir, dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := finish(t, command("doctor", "--config", path), 2*time.Minute)
	if len(asked) == 0 {
		t.Fatalf("the store was not asked: code %d\n%s\n%s", r.code, r.out, r.err)
	}
	if both := r.out + r.err; strings.Contains(both, "ann@example.org") || strings.Contains(both, "pw-5owhiy1j") {
		t.Errorf("it printed what the store sent:\n%s", both)
	}
}
