package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// background is a command under way whose first line of stdout is JSON.
type background struct {
	t         *testing.T
	cmd       *exec.Cmd
	addresses map[string]string
}

func startPart(t *testing.T, args ...string) *background {
	t.Helper()
	c := command(append(args, "--output", "json")...)
	log := &strings.Builder{}
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	b := &background{t: t, cmd: c}
	timer := time.AfterFunc(2*time.Minute, func() { c.Process.Kill() })
	defer timer.Stop()
	if err := json.NewDecoder(out).Decode(&b.addresses); err != nil {
		c.Wait()
		t.Fatalf("%v printed no addresses: %v\n%s", args, err, tail(log.String()))
	}
	go io.Copy(io.Discard, out)
	t.Cleanup(func() { b.end(syscall.SIGKILL) })
	return b
}

// end waits for the process's end and returns its exit code.
func (b *background) end(signal os.Signal) int {
	if b.cmd.ProcessState == nil {
		b.cmd.Process.Signal(signal)
		timer := time.AfterFunc(2*time.Minute, func() { b.cmd.Process.Kill() })
		defer timer.Stop()
		b.cmd.Wait()
	}
	return b.cmd.ProcessState.ExitCode()
}

// The embedded parts, each in a process of its own, and `run` beside them make
// what `up` makes. Couchbase's documents are there after a stop and after kill -9.
func TestLocalPartsMakeTheLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const customers = "60"
	node := startPart(t, "local", "couchbase", "--dir", dir, "--listen", "127.0.0.1:0")
	broker := startPart(t, "local", "kafka", "--dir", dir, "--listen", "127.0.0.1:0")
	at := broker.addresses["kafka"]
	shop := startPart(t, "local", "sources", "--dir", dir, "--customers", customers, "--events", "0", "--night", "1000h", "--store", "127.0.0.1:0")
	file := filepath.Join(dir, "customer360.yaml")
	// goccy/go-yaml reads JSON too.
	text, err := json.Marshal(map[string]any{
		"state_dir": filepath.Join(dir, "state"),
		"kafka":     map[string]any{"brokers": []string{at}, "replication_factor": 1},
		"couchbase": map[string]any{"connection_string": node.addresses["couchbase"], "username": node.addresses["username"],
			"password_file": node.addresses["password_file"]},
		"loyalty":      map[string]any{"folder": shop.addresses["loyalty"], "stable": "300ms", "poll": "1s"},
		"online_store": map[string]any{"url": shop.addresses["online_store"], "requests_per_second": 20000},
		"http":         map[string]any{"listen": "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := finish(t, command("topics", "create", "--dir", dir), time.Minute); r.code != 0 {
		t.Fatal(r)
	}
	// Home Delivery apart from the others: the same people.
	home := startPart(t, "local", "sources", "--dir", filepath.Join(dir, "home"), "--only", "home_delivery", "--kafka", at,
		"--customers", customers, "--events", "0")
	line := command("run", "--dir", dir)
	if err := line.Start(); err != nil {
		t.Fatal(err)
	}
	pipeline := &background{t: t, cmd: line}
	t.Cleanup(func() { pipeline.end(syscall.SIGKILL) })

	want := expected(t, dir, 60)
	keys := []string{"get", "--dir", dir}
	for key := range want {
		keys = append(keys, key)
	}
	// get prints a line for each, in the order asked for.
	different := func() string {
		r := finish(t, command(keys...), time.Minute)
		got := strings.Split(strings.TrimSpace(r.out), "\n")
		if r.code != 0 || len(got) != len(want) {
			return fmt.Sprintf("%d of %d documents, exit code %d\n%s", len(got), len(want), r.code, tail(r.err))
		}
		for i, key := range keys[3:] {
			if got[i] != want[key] {
				return fmt.Sprintf("got  %s\nwant %s", got[i], want[key])
			}
		}
		return ""
	}
	for limit := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		what := different()
		if what == "" {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("the documents are not those of `up`: %s", what)
		}
	}

	if r := finish(t, command("local", "couchbase", "--dir", dir, "--listen", "127.0.0.1:0"), time.Minute); r.code != 3 {
		t.Errorf("a second node in the folder: %+v", r)
	}
	if r := finish(t, command(append([]string{"up", "--dir", dir}, anyPorts...)...), time.Minute); r.code == 0 {
		t.Errorf("up in the folder of running parts: %+v", r)
	}
	for name, b := range map[string]*background{"run": pipeline, "home": home, "sources": shop, "kafka": broker} {
		if code := b.end(syscall.SIGTERM); code != 0 {
			t.Errorf("%s ended with code %d", name, code)
		}
	}
	listen := strings.TrimPrefix(node.addresses["couchbase"], "couchbase://")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if code := node.end(signal); signal == syscall.SIGTERM && code != 0 {
			t.Errorf("the node ended with code %d", code)
		}
		node = startPart(t, "local", "couchbase", "--dir", dir, "--listen", listen)
		if what := different(); what != "" {
			t.Errorf("after %v: %s", signal, what)
		}
	}
}

func TestLocalSourcesAnswerAndRefuse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shop := startPart(t, "local", "sources", "--dir", dir, "--only", "online_store", "--events", "0", "--store", "127.0.0.1:0")
	response, err := http.Get(shop.addresses["online_store"] + "/getCustomerDetailsByEmail?customerEmail=matthew.groves@couchbase.com")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), "Matthew Groves") {
		t.Errorf("%d %s %v", response.StatusCode, body, err)
	}
	for _, args := range [][]string{
		{"sources", "--only", "nobody"}, {"sources", "--only", "home_delivery"}, {"sources", "--only", "home_delivery", "--kafka", "x"},
		{"sources", "--night", "0s"}, {"couchbase", "--listen", "x"}, {"couchbase", "--bucket", "a b"}, {"couchbase", "--fault", "none"},
		{"kafka", "--listen", "0.0.0.0:1"},
	} {
		c := command(append([]string{"local", "--dir", filepath.Join(dir, "none")}, args...)...)
		if r := finish(t, c, time.Minute); r.code != 2 || r.out != "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := finish(t, command("local", "sources", "--dir", dir, "--store", "127.0.0.1:0"), time.Minute); r.code != 3 || !strings.Contains(r.err, fmt.Sprint(shop.cmd.Process.Pid)) {
		t.Errorf("a second one in the folder: %+v", r)
	}
	if code := shop.end(syscall.SIGTERM); code != 0 {
		t.Errorf("it ended with code %d", code)
	}
}
