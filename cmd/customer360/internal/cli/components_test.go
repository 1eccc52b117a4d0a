package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
)

// written writes a configuration whose servers are nowhere.
func written(t *testing.T, text string) (file, state string) {
	t.Helper()
	dir := t.TempDir()
	file, state = filepath.Join(dir, "c.yaml"), filepath.Join(dir, "state")
	text = "state_dir: " + state + "\n" + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, state
}

// TestWrongConfiguration: what config check says of it, run says before it
// does anything.
func TestWrongConfiguration(t *testing.T) {
	t.Setenv("CUSTOMER360_KAFKA_BROKERS", "127.0.0.1:1") // nobody's
	for text, want := range map[string]string{
		"kafka: {commit_interval: 6s}\n":                                             "kafka.commit_interval: 6s: use at most 5s, a third of kafka.transaction_timeout (15s)",
		"kafka: {commit_interval: 2s, transaction_timeout: 5s}\n":                    "kafka.commit_interval: 2s: use at most 1.666666666s",
		"kafka: {session_timeout: 50ms}\n":                                           "kafka.session_timeout: 50ms: use 100ms to",
		"kafka: {tls: {enabled: true, ca_file: none.pem}}\n":                         "kafka.tls.ca_file",
		"couchbase: {workers: 2000}\n":                                               "couchbase.workers: 2000: use 1 to 1024",
		"couchbase: {connection_string: couchbases://h, tls: {ca_file: none.pem}}\n": "couchbase.tls.ca_file: open none.pem",
		"couchbase: {username: ''}\n":                                                "couchbase: neither a user",
		"loyalty: {pattern: a/b}\n":                                                  `loyalty: Pattern: "a/b"`,
		"online_store: {headers: {If-None-Match: x}}\n":                              "online_store: restpoll: header If-None-Match",
		"home_delivery: {table_include_list: customers}\n":                           "home_delivery: ",
		"precedence: {nobody: [loyalty]}\n":                                          "precedence.nobody",
	} {
		file, state := written(t, text)
		for _, args := range [][]string{{"config", "check"}, {"run"}} {
			var out, errOut bytes.Buffer
			code := Main(t.Context(), append(args, "--config", file), strings.NewReader(""), &out, &errOut)
			if code != exitUsage || !strings.Contains(errOut.String(), want) {
				t.Errorf("%q, %v: exit code %d, %swant %d and %q", text, args, code, errOut.String(), exitUsage, want)
			}
		}
		if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: run has begun: %v", text, err)
		}
	}
}

// TestRightConfiguration: at the limits of what is allowed.
func TestRightConfiguration(t *testing.T) {
	for _, text := range []string{"", "kafka: {commit_interval: 5s, session_timeout: 100ms}\n",
		"kafka: {commit_interval: 1us, transaction_timeout: 1ms}\n", "couchbase: {workers: 1024, timeout: 10m}\n",
		"online_store: {interval: 1ms, not_found_interval: 1ms}\n"} {
		file, _ := written(t, text)
		var out, errOut bytes.Buffer
		if code := Main(t.Context(), []string{"config", "check", "--config", file}, strings.NewReader(""), &out, &errOut); code != exitOK || !strings.Contains(out.String(), "is right") {
			t.Errorf("%q: exit code %d, %s%s", text, code, out.String(), errOut.String())
		}
	}
}

// TestEveryComponentIsAsked: each refuses what config.Validate, which is not
// asked here, would let pass.
func TestEveryComponentIsAsked(t *testing.T) {
	opts := []kgo.Opt{kgo.SeedBrokers("localhost:9092")}
	right := func() config.Config {
		c := config.Default()
		c.StateDir = t.TempDir()
		return c
	}
	if err := checkComponents(right(), opts); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Config){
		"engine: commits every 6s": func(c *config.Config) { c.Kafka.CommitInterval = 6 * time.Second },
		"engine: 9 standby":        func(c *config.Config) { c.Standbys = 9 },
		"engine: 1 bytes":          func(c *config.Config) { c.StoreBytes = 1 },
		"0 partitions":             func(c *config.Config) { c.Kafka.Partitions = 0 },
		"couchbase: workers 0":     func(c *config.Config) { c.Couchbase.Workers = 0 },
		"couchbase.tls.ca_file":    func(c *config.Config) { c.Couchbase.TLS.CAFile = "none.pem" },
		"online_store: restpoll":   func(c *config.Config) { c.OnlineStore.Interval = 0 },
		"loyalty: Poll":            func(c *config.Config) { c.Loyalty.Poll = 0 },
		"home_delivery: ":          func(c *config.Config) { c.Delivery.Epoch = -1 },
	} {
		c := right()
		change(&c)
		if err := checkComponents(c, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
