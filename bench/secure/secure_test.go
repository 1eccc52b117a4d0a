package secure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/topology"
)

// deadline is for outcomes: far beyond what a slow machine needs.
const deadline = 2 * time.Minute

// world is the product's binary, and what it needs beside Kafka.
type world struct {
	t                  *testing.T
	binary, dir, couch string
	store              string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.binary = filepath.Join(w.dir, "customer360")
	build := exec.Command("go", "build", "-o", w.binary, "customer360/cmd/customer360")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	node := couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	})
	w.couch = node.ConnectionString()
	store := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(store.Close)
	w.store = store.URL
	if err := os.Mkdir(filepath.Join(w.dir, "loyalty"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// config writes a configuration with a section of Kafka.
func (w *world) config(name, kafka string) string {
	w.t.Helper()
	text := fmt.Sprintf(`
state_dir: %s
kafka: {%s, partitions: 2, replication_factor: 1}
couchbase: {connection_string: %q, username: %s, password: %s}
loyalty: {folder: %s, stable: 50ms, poll: 100ms}
online_store: {url: %q}
http: {listen: "127.0.0.1:0"}
`, filepath.Join(w.dir, "state"), kafka, w.couch, couchbasetest.Username, couchbasetest.Password, filepath.Join(w.dir, "loyalty"), w.store)
	path := filepath.Join(w.dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// call runs a command to its end. No output may hold a password.
func (w *world) call(args ...string) (out string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, args...)
	b, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		w.t.Errorf("%v does not end:\n%s", args, b)
	} else if err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	w.noSecrets(string(b))
	return string(b), cmd.ProcessState.ExitCode()
}

func (w *world) noSecrets(text string) {
	w.t.Helper()
	for _, secret := range []string{password, wrongPassword, "PRIVATE KEY"} {
		if strings.Contains(text, secret) {
			w.t.Errorf("a secret is shown:\n%s", text)
		}
	}
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	out, code := w.call(args...)
	if code != 0 {
		w.t.Fatalf("%v: exit code %d\n%s", args, code, out)
	}
	return out
}

// run starts the pipeline; the returned function ends it, in order, and gives its log.
func (w *world) run(config string) (stop func() string) {
	w.t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(w.binary, "run", "--config", config)
	cmd.Stderr, cmd.Stdout = &log, &log
	cmd.SysProcAttr = dieWithUs()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop = func() string {
		if stopped {
			return ""
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				w.t.Errorf("run: %v\n%s", err, log.String())
			}
		case <-time.After(deadline):
			_ = cmd.Process.Kill()
			w.t.Errorf("run does not end: %v", <-ended)
		}
		w.noSecrets(log.String())
		return log.String()
	}
	w.t.Cleanup(func() { stop() })
	return stop
}

func (w *world) until(what string, met func() bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); !met(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not yet: %s", what)
		}
	}
}

// saslSection is Kafka over TLS and SASL; more follows it in the braces.
func saslSection(address, ca, secret, more string) string {
	return fmt.Sprintf(`brokers: [%q], tls: {enabled: true, ca_file: %s%s}, sasl: {mechanism: SCRAM-SHA-512, username: customer360, password: %s}`,
		address, ca, more, secret)
}

func envelope(id int, email string, pos int) string {
	return fmt.Sprintf(`{"before":null,"after":{"id":%d,"name":"Row","email":%q,"password":"x"},"source":{"connector":"mysql","snapshot":"false","db":"inventory","table":"customers","server_id":1,"file":"mysql-bin.000001","pos":%d,"row":0},"op":"c","ts_ms":1}`, id, email, pos)
}

func row(key, value string) *kgo.Record {
	return &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(key), Value: []byte(value)}
}

// TestSecure goes the whole way over TLS and SCRAM, and again over mutual TLS,
// with exactly the rights of the list, and then with everything that can be wrong.
func TestSecure(t *testing.T) {
	if os.Getenv("STACK") == "" {
		t.Skip("needs a real Kafka: set STACK=1 (deploy/stack/install.sh installs it)")
	}
	b, w := startBroker(t), newWorld(t)
	config := w.config("sasl", saslSection(b.sasl, b.ca.pem, password, ""))

	if out, code := w.call("topics", "check", "--config", config); code != 1 || !strings.Contains(out, "AUTHORIZATION") {
		t.Errorf("without a right: %d\n%s", code, out)
	}
	for _, r := range append(running, creating...) {
		b.allow(t, r)
	}
	w.must("topics", "create", "--config", config)
	if _, err := b.admin.DeleteACLs(t.Context(), everyCreate()); err != nil {
		t.Fatal(err)
	}
	w.must("topics", "check", "--config", config)

	stop := w.run(config)
	email := func(n int) string { return fmt.Sprintf("row%d@example.com", n) }
	produce := func(records ...*kgo.Record) {
		t.Helper()
		if err := b.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	there := func(config, email string) func() bool {
		return func() bool {
			_, code := w.call("get", "--config", config, email)
			return code == 0
		}
	}
	produce(row(`{"id":1}`, envelope(1, email(1), 10)), row(`{"id":2}`, `not json`))
	w.until("the first document", there(config, email(1)))
	var letters []struct{ Coordinates string }
	w.until("the dead letter", func() bool {
		out := w.must("dead-letters", "list", "--config", config, "--output", "json")
		if err := json.Unmarshal([]byte(out), &letters); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return len(letters) > 0
	})
	coordinates := letters[0].Coordinates
	w.must("dead-letters", "show", "--config", config, coordinates)
	w.must("dead-letters", "retry", "--config", config, coordinates)
	csv := filepath.Join(w.dir, "loyalty", "loyalty11262026_125044.csv")
	if err := os.WriteFile(csv, []byte("id,password,first_name,last_name,email,points\n27,p,Matthew,Groves,m@example.com,47\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.until("the member", there(config, "m@example.com"))
	log := stop()
	for _, word := range []string{"AUTHORIZATION", "authoriz", "not permitted"} {
		if strings.Contains(log, word) {
			t.Errorf("the list lacks something:\n%s", log)
		}
	}

	mutual := w.config("mutual", fmt.Sprintf(`brokers: [%q], tls: {enabled: true, ca_file: %s, cert_file: %s, key_file: %s}`, b.mutual, b.ca.pem, b.user.cert, b.user.key))
	stop = w.run(mutual)
	produce(row(`{"id":3}`, envelope(3, email(3), 30)))
	w.until("the document over mutual TLS", there(mutual, email(3)))
	stop()

	for name, c := range map[string]struct{ kafka, want string }{
		"wrong password": {saslSection(b.sasl, b.ca.pem, wrongPassword, ""), "SASL"},
		"wrong CA":       {saslSection(b.sasl, b.wrongCA.pem, password, ""), "unknown authority"},
		"expired":        {saslSection(b.expired, b.ca.pem, password, ""), "expired"},
		"other name":     {saslSection(b.unnamed, b.ca.pem, password, ""), "127.0.0.1"},
		"expected name":  {saslSection(b.sasl, b.ca.pem, password, ", server_name: kafka.example.com"), "kafka.example.com"},
		"no certificate": {fmt.Sprintf(`brokers: [%q], tls: {enabled: true, ca_file: %s}`, b.mutual, b.ca.pem), "certificate"},
		"no TLS":         {fmt.Sprintf(`brokers: [%q], sasl: {mechanism: SCRAM-SHA-512, username: customer360, password: %s}`, b.sasl, password), ""},
		"TLS to plain":   {fmt.Sprintf(`brokers: [%q], tls: {enabled: true, ca_file: %s}`, b.plain, b.ca.pem), "TLS"},
		"no login":       {fmt.Sprintf(`brokers: [%q], tls: {enabled: true, ca_file: %s}`, b.sasl, b.ca.pem), ""},
	} {
		path := w.config(strings.ReplaceAll(name, " ", "-"), c.kafka)
		for _, command := range [][]string{{"topics", "check"}, {"run"}, {"dead-letters", "list"}} {
			begun := time.Now()
			out, code := w.call(append(command, "--config", path)...)
			t.Logf("%s, %s: exit code %d after %.1f s: %s", name, command[0], code, time.Since(begun).Seconds(), out)
			if code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("%s, %s: exit code %d, want 1 and %q", name, command[0], code, c.want)
			}
		}
	}
}
