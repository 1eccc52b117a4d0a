package config

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func none(string) (string, bool) { return "", false }

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestDefaultIsValid(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "kafka:\n"} {
		c, err := Parse("c.yaml", []byte(text), none)
		if err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFileAndEnvironment(t *testing.T) {
	text := `
pass: hash
kafka:
  brokers: [a:1, b:2]
  commit_interval: 50ms
  sasl: {mechanism: PLAIN, username: u, password: from-file}
home_delivery:
  columns: {name: full_name}
online_store:
  headers: {Authorization: Bearer x}
precedence: {name: [loyalty, home_delivery]}
`
	c, err := Parse("c.yaml", []byte(text), env(
		"CUSTOMER360_KAFKA_BROKERS", "c:3, d:4", "CUSTOMER360_KAFKA_SASL_PASSWORD", "from-env",
		"CUSTOMER360_ONLINE_STORE_REQUESTS_PER_SECOND", "12.5", "CUSTOMER360_HTTP_PPROF", "true",
		"CUSTOMER360_KAFKA_PARTITIONS", "24", "CUSTOMER360_ONLINE_STORE_INTERVAL", "2m",
		"CUSTOMER360_PRECEDENCE", "city=home_delivery|loyalty", "CUSTOMER360_ONLINE_STORE_HEADERS", "X-Key=k"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Pass = "hash"
	want.Kafka.Brokers, want.Kafka.CommitInterval, want.Kafka.Partitions = []string{"c:3", "d:4"}, 50*time.Millisecond, 24
	want.Kafka.SASL = SASL{Mechanism: "PLAIN", Username: "u", Password: "from-env"}
	want.Delivery.Columns = map[string]string{"name": "full_name"}
	want.OnlineStore.Headers = map[string]Secret{"X-Key": "k"}
	want.OnlineStore.RequestsPerSecond, want.OnlineStore.Interval, want.HTTP.Pprof = 12.5, 2*time.Minute, true
	want.Precedence = map[string][]string{"city": {"home_delivery", "loyalty"}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// A password of the environment outranks the file that the configuration names, which
// may not even be there; a file that the environment names outranks that.
func TestPasswordFilesAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, environment, want string }{
		{"couchbase: {password_file: there}", "", "from-a-file"},
		{"couchbase: {password_file: there}", "CUSTOMER360_COUCHBASE_PASSWORD=from-env", "from-env"},
		{"couchbase: {password_file: gone}", "CUSTOMER360_COUCHBASE_PASSWORD=from-env", "from-env"},
		{"couchbase: {password: in-the-file}", "CUSTOMER360_COUCHBASE_PASSWORD_FILE=" + there, "from-a-file"},
	} {
		name, value, _ := strings.Cut(c.environment, "=")
		got, err := Parse(filepath.Join(dir, "c.yaml"), []byte(c.file), env(name, value))
		if err != nil || string(got.Couchbase.Password) != c.want {
			t.Errorf("%s, %s: %q, %v; want %s", c.file, c.environment, string(got.Couchbase.Password), err, c.want)
		}
	}
}

// Every error says what, where and how to mend it.
func TestErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"kafka:\n  broker: [a:1]\n":                                                          {"c.yaml:2", "unknown key kafka.broker", "did you mean kafka.brokers?"},
		"kafak:\n  brokers: [a:1]\n":                                                         {"c.yaml:1", "did you mean kafka?"},
		"kafka:\n  brokers: [localhost]\n":                                                   {"c.yaml:2", "kafka.brokers", "write host:port"},
		"kafka:\n  brokers: ['h:99999']\n":                                                   {"c.yaml:2", "port"},
		"kafka:\n  commit_interval: 100\n":                                                   {"c.yaml:2", "unit"},
		"kafka:\n  commit_interval: 100 parsecs\n":                                           {"c.yaml:2", "unit"},
		"kafka:\n  commit_interval: 6s\n":                                                    {"c.yaml:2", "kafka.commit_interval: 6s", "at most 5s, a third of kafka.transaction_timeout (15s)"},
		"kafka:\n  transaction_timeout: 200ms\n":                                             {"kafka.commit_interval: 100ms", "at most 66.666666ms"},
		"kafka:\n  transaction_timeout: 0s\n":                                                {"c.yaml:2", "kafka.transaction_timeout: 0s", "1ms"},
		"kafka:\n  session_timeout: 99ms\n":                                                  {"c.yaml:2", "kafka.session_timeout: 99ms", "100ms"},
		"kafka:\n  session_timeout: 600h\n":                                                  {"c.yaml:2", "kafka.session_timeout: 600h", "576h"},
		"couchbase:\n  workers: 1025\n":                                                      {"c.yaml:2", "couchbase.workers: 1025", "1024"},
		"couchbase:\n  timeout: 11m\n":                                                       {"c.yaml:2", "couchbase.timeout: 11m0s", "10m"},
		"online_store:\n  interval: 999us\n":                                                 {"c.yaml:2", "online_store.interval: 999µs", "1ms"},
		"online_store:\n  not_found_interval: 1ns\n":                                         {"c.yaml:2", "online_store.not_found_interval: 1ns", "1ms"},
		"online_store:\n  url: http://store/api?x=1\n":                                       {"c.yaml:2", "online_store.url", "a query or a fragment"},
		"kafka:\n  tls: {ca_file: ca.pem}\n":                                                 {"kafka.tls.enabled", "encrypted"},
		"kafka:\n  tls: {server_name: k}\n":                                                  {"kafka.tls.enabled", "enabled: true"},
		"kafka:\n  sasl: {username: u, password: p}\n":                                       {"kafka.sasl.mechanism", "choose PLAIN"},
		"couchbase:\n  tls: {ca_file: ca.pem}\n":                                             {"couchbase.tls.ca_file", "couchbases://"},
		"couchbase:\n  staging: {bucket: customer360}\n":                                     {"couchbase.staging.bucket", "one collection"},
		"couchbase:\n  metadata: {bucket: staging, scope: _default, collection: _default}\n": {"couchbase.metadata.bucket", "of its own"},
		"pass: keep\n---\npass: hash\n":                                                      {"c.yaml", "one document"},
		"home_delivery:\n  topic: customer360.records.g3\n":                                  {"c.yaml:2", "home_delivery.topic", "Debezium's"},
		"instance: " + strings.Repeat("a", 201) + "\n":                                       {"c.yaml:1", "instance", "200"},
		"kafka:\n  partitions: many\n":                                                       {"c.yaml:2"},
		"kafka:\n  compression_type: lz5\n":                                                  {"c.yaml:2", "did you mean lz4?"},
		"\n\ncouchbase:\n  foreign: override\n":                                              {"c.yaml:4", "overwrite or keep", "overwrite"},
		"couchbase:\n  connection_string: 127.0.0.1\n":                                       {"c.yaml:2", "couchbase://host"},
		"online_store:\n  url: store.example.com\n":                                          {"c.yaml:2", "http://"},
		"http:\n  listen: 8080\n":                                                            {"c.yaml:2", "host:port"},
		"pass: clear\n":                                                                      {"c.yaml:1", "keep, hash or drop"},
		"kafka: [a]\n":                                                                       {"c.yaml:1", "kafka is a section"},
		"kafka: {brokers: [a:1]\n":                                                           {"c.yaml:"},
		"couchbase:\n  documents:\n    scope: s\n":                                           {"scope and collection go together"},
		"kafka:\n  sasl: {mechanism: PLAIN}\n":                                               {"needs a username and a password"},
		"kafka:\n  partitions: 1\n  partitions: 2\n":                                         {"c.yaml:3"},
		"loyalty:\n  hold_share: 10\n":                                                       {"c.yaml:2", "0 to 1"},
		"kafka:\n  sasl:\n    password_file: missing.secret\n":                               {"kafka.sasl.password_file", "missing.secret"},
	} {
		_, err := Parse("c.yaml", []byte(text), none)
		if err == nil {
			t.Errorf("%q: no error", text)
			continue
		}
		for _, w := range want {
			if w == "overwrite or keep" {
				w = "overwrite, keep"
			}
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %q does not say %q", text, err, w)
			}
		}
	}
	_, err := Parse("c.yaml", nil, env("CUSTOMER360_KAFKA_BROKERS", "x"))
	if err == nil || !strings.Contains(err.Error(), "environment CUSTOMER360_KAFKA_BROKERS") {
		t.Error(err)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	const secret = "hunter2-very-secret"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "couchbase: {password_file: pw}\nkafka: {sasl: {mechanism: PLAIN, username: u, password: " + secret + "}}\nonline_store: {headers: {Authorization: " + secret + "}}\n"
	c, err := Parse(filepath.Join(dir, "c.yaml"), []byte(text), none)
	if err != nil {
		t.Fatal(err)
	}
	if c.Couchbase.Password.Reveal() != secret || c.OnlineStore.Headers["Authorization"].Reveal() != secret {
		t.Fatal("the secret was not read")
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "password", c.Couchbase.Password)
	for name, s := range map[string]string{"yaml": string(shown), "log": log.String(), "%v": fmt.Sprintf("%v", c), "%#v": fmt.Sprintf("%#v", c)} {
		if strings.Contains(s, secret) {
			t.Errorf("%s shows the secret", name)
		}
	}
	for _, broken := range []string{"kafka: {sasl: {password: {x: " + secret + "}}}", "kafka: {partitions: " + secret + "}", "kafka: {sasl: {password: \"" + secret + "}"} {
		if _, err := Parse("c.yaml", []byte(broken), none); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error shows the secret, or is missing: %v", err)
		}
	}
}

// What show prints is a file that can be read again.
func TestShowRoundTrip(t *testing.T) {
	c := Default()
	c.Delivery.Columns = map[string]string{"name": "n"}
	out, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse("c.yaml", out, none)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if fmt.Sprint(back) != fmt.Sprint(c) {
		t.Errorf("got  %+v\nwant %+v", back, c)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	seen := map[string]string{}
	for _, k := range Keys() {
		if k.Doc == "" {
			t.Errorf("%s has no doc tag", k.Path)
		}
		if other, ok := seen[k.Env]; ok {
			t.Errorf("%s and %s share %s", k.Path, other, k.Env)
		}
		seen[k.Env] = k.Path
	}
	file := filepath.Join("..", "..", "..", "..", "docs", "configuration.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil || string(have) != Reference() {
		t.Errorf("docs/configuration.md is not what the code says (%v): UPDATE=1 go test ./cmd/customer360/internal/config", err)
	}
}
