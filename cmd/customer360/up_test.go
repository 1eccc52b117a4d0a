package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Two folders, one seed: equal counts and documents, and they are what the
// simulated systems say.
func TestOnceIsDeterministic(t *testing.T) {
	t.Parallel()
	a, b := t.TempDir(), t.TempDir()
	const customers = 400
	first, second := once(t, a, customers), once(t, b, customers)
	delete(first, "http_requests") // a request may have to be repeated
	delete(second, "http_requests")
	if fmt.Sprint(first) != fmt.Sprint(second) || first["customers"] != customers || first["dead_letters"] != 0 {
		t.Errorf("%v and %v", first, second)
	}
	got := documents(t, a, "customer360")
	compare(t, got, documents(t, b, "customer360"))
	compare(t, got, expected(t, a, customers))
	compare(t, documents(t, a, "staging"), documents(t, b, "staging"))
	again := once(t, a, customers)
	delete(again, "http_requests")
	if fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("a second run in the same folder: %v, the first said %v", again, first)
	}
	compare(t, documents(t, a, "customer360"), got)
}

// kill -9 again and again while it loads, then to the end: as if nothing happened.
func TestKilledWhileLoading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const customers = 2000
	for _, after := range []time.Duration{300, 700, 1000, 1300, 1700, 2200} {
		c := command(append([]string{"up", "--once", "--dir", dir, "--customers", fmt.Sprint(customers)}, anyPorts...)...)
		c.Stderr = io.Discard
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond) // when it is killed does not matter for the outcome
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	counts := once(t, dir, customers)
	if counts["customers"] != customers || counts["dead_letters"] != 0 {
		t.Error(counts)
	}
	compare(t, documents(t, dir, "customer360"), expected(t, dir, customers))
}

// Up, look at Matthew, a second up is refused, Ctrl-C, up again without a
// second import.
func TestUpAsAUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop := start(t, dir)
	want := []string{"matthew.groves@couchbase.com", "order::1", "order::2"}
	r := eventually(t, time.Minute, func() result {
		return finish(t, command(append([]string{"get", "--dir", dir}, want...)...), time.Minute)
	}, func(r result) bool { return r.code == 0 && strings.Contains(r.out, "online_store") })
	golden, err := os.ReadFile(filepath.Join("testdata", "matthew.jsonl"))
	if err != nil || r.out != string(golden) {
		t.Errorf("%v\n got %s\nwant %s", err, r.out, golden)
	}
	if r := finish(t, command("get", "--dir", dir, "nobody@example.com"), time.Minute); r.code != 1 || !strings.Contains(r.err, "no such document") {
		t.Errorf("an unknown key: %+v", r)
	}
	second := finish(t, command(append([]string{"up", "--dir", dir}, anyPorts...)...), time.Minute)
	if second.code != 3 || !strings.Contains(second.err, "--dir OTHER") {
		t.Errorf("a second up: %+v", second)
	}
	imported := func(r result) bool { return r.code == 0 && strings.Contains(r.out, `"phase":"done"`) }
	history := func() result {
		return finish(t, command("import", "--history", "--dir", dir, "--output", "json"), time.Minute)
	}
	eventually(t, time.Minute, history, imported)
	stop()
	stop = start(t, dir)
	r = eventually(t, time.Minute, history, imported)
	if n := strings.Count(r.out, `"hash"`); n != 1 {
		t.Errorf("%d files after the restart: %s", n, r.out)
	}
	stop()
}

// start runs `up` with nights that do not come, and returns what ends it with
// Ctrl-C and checks its exit.
func start(t *testing.T, dir string) func() {
	t.Helper()
	c := command(append([]string{"up", "--dir", dir, "--customers", "100", "--night", "10h", "--events", "20"}, anyPorts...)...)
	var errOut bytes.Buffer
	c.Stderr = &errOut
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return func() {
		t.Helper()
		began := time.Now()
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
		defer timer.Stop()
		if err := c.Wait(); err != nil {
			t.Errorf("Ctrl-C: %v\n%s", err, tail(errOut.String()))
		}
		t.Logf("ended %v after Ctrl-C", time.Since(began).Round(time.Millisecond))
	}
}

func eventually(t *testing.T, limit time.Duration, try func() result, ok func(result) bool) result {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		r := try()
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: exit code %d\n%s\n%s", limit, r.code, r.out, r.err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestUsedPortAndBadFlags(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	args := append([]string{"up", "--dir", t.TempDir()}, anyPorts...)
	r := finish(t, command(append(args, "--couchbase", l.Addr().String())...), time.Minute)
	if r.code != 1 || !strings.Contains(r.err, "--couchbase 127.0.0.1:0") {
		t.Errorf("%+v", r)
	}
	for _, bad := range [][]string{{"up", "--customers", "-1"}, {"up", "--nigth", "1m"}, {"run", "--only", "marge"}, {"get"}, {"bogus"},
		{"config", "check", "--config", filepath.Join(t.TempDir(), "none.yaml")}, {"topology", "--format", "png"}, {"import"}} {
		if r := finish(t, command(append(bad, "--dir", t.TempDir())...), time.Minute); r.code != 2 || r.err == "" {
			t.Errorf("%v: %+v", bad, r)
		}
	}
}

// kill -9 while people move, swap emails, leave and come back, and CSV files
// fall every second: afterwards the documents are what the systems say. What
// the store says is left out: it is asked again only minutes later.
func TestKilledWhileLifeGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const customers = 300
	// The last one ends in order: after a kill the topic may hold steps that the
	// simulators take again when they go on, and a --once run does not let them.
	for _, end := range []os.Signal{os.Kill, os.Kill, os.Kill, os.Kill, os.Interrupt} {
		c := command(append([]string{"up", "--dir", dir, "--customers", fmt.Sprint(customers), "--night", "1s", "--events", "300"}, anyPorts...)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond) // when it ends does not matter for the outcome
		_ = c.Process.Signal(end)
		_ = c.Wait()
	}
	once(t, dir, customers)
	compare(t, withoutStore(t, documents(t, dir, "customer360")), withoutStore(t, expected(t, dir, customers)))
}

// withoutStore takes out of customers what the Online Store gave them, and the orders.
func withoutStore(t *testing.T, docs map[string]string) map[string]string {
	t.Helper()
	rest := map[string]string{}
	for key, text := range docs {
		if strings.HasPrefix(key, "order::") {
			continue
		}
		var doc struct {
			Profile map[string]string `json:"profile"`
			Xrefs   []map[string]any  `json:"xrefs"`
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		delete(doc.Profile, "name")
		delete(doc.Profile, "email")
		doc.Xrefs = slices.DeleteFunc(doc.Xrefs, func(x map[string]any) bool { return x["external_system"] == "online_store" })
		out, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		rest[key] = string(out)
	}
	return rest
}
