package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"customer360/internal/freeport"
)

// TestRunWhileKafkaDoesNotAnswer: the process says that it lives and is not ready,
// and ends in order when it is told to.
func TestRunWhileKafkaDoesNotAnswer(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ports, err := freeport.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	listen := freeport.Local(ports[0])
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	text := fmt.Sprintf("kafka: {brokers: ['%s']}\nhttp: {listen: '%s'}\nstate_dir: %s\n", mute.Addr(), listen, dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := command("run", "--config", path)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(2*time.Minute, func() { _ = c.Process.Kill() }).Stop()
	client := http.Client{Timeout: time.Second}
	status := func(page string) (code int) {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			resp, err := client.Get("http://" + listen + page)
			if err != nil {
				continue
			}
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		return 0
	}
	for page, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/metrics": http.StatusOK} {
		if got := status(page); got != want {
			t.Errorf("%s: %d, want %d", page, got, want)
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}
