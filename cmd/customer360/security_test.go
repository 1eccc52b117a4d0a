package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// marker is in every secret that the tests plant.
const marker = "s3cr3t-marker"

func secret(of string) string { return marker + "-" + of }

// shown collects all that people, and machines of theirs, get to see.
type shown struct {
	t  *testing.T
	mu sync.Mutex
	by map[string]string
}

func (s *shown) add(what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[what] += text
}

// search fails the test for each text that holds a secret, plain or in base64.
func (s *shown) search() {
	s.t.Helper()
	needles := []string{marker}
	for shift := range 3 { // base64 by where the secret begins in a group of three bytes
		e := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + marker))
		needles = append(needles, e[4:len(e)-4])
	}
	for what, text := range s.by {
		for _, needle := range needles {
			if i := strings.Index(text, needle); i >= 0 {
				s.t.Errorf("%s shows a secret (…%s…)", what, text[max(0, i-120):min(len(text), i+len(needle)+30)])
				break
			}
		}
	}
}

// run does a command and keeps what it printed.
func (s *shown) run(name string, limit time.Duration, env []string, args ...string) result {
	c := command(args...)
	c.Env = append(c.Env, env...)
	r := finish(s.t, c, limit)
	s.add(name, r.out+r.err)
	return r
}

var httpAddress = regexp.MustCompile(`http=(127\.0\.0\.1:\d+)`)

// Secrets in every source, in the configuration and in addresses: none of them
// is in a log (debug), a metric, a page, an error, a stack or what commands
// print, `get` excepted.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	s := startSystems(t)
	seen := &shown{t: t, by: map[string]string{}}
	conf := s.config("good")
	if r := seen.run("topics create", time.Minute, nil, "topics", "create", "--config", conf); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	run := command("run", "--config", conf)
	var log lockedBuffer
	run.Stderr, run.Stdout = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = run.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = run.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("the log of run:\n%s", tail(log.String()))
		}
	})
	s.produce()
	s.file("1.csv", s.members())

	ask := func(name string, args ...string) result {
		return seen.run(name, 2*time.Minute, nil, append(args, "--config", conf)...)
	}
	r := eventually(t, 2*time.Minute, func() result { return finish(t, command("get", "good@example.com", "--config", conf), time.Minute) },
		func(r result) bool {
			return strings.Contains(r.out, secret("store")) && strings.Contains(r.out, secret("row")) && strings.Contains(r.out, secret("csv"))
		})
	if r.code != 0 {
		t.Error("get:", r.code)
	}
	for _, email := range []string{"good", "broken", "typed", "page", "error", "refused", "elsewhere", "hangup"} {
		eventually(t, 2*time.Minute, func() result { return result{} }, func(result) bool { return s.store.saw(email + "@example.com") })
	}
	if !s.store.saw("Bearer " + secret("bearer")) {
		t.Error("the store did not get the configured header")
	}
	var letters []struct{ Coordinates, Stage string }
	eventually(t, 2*time.Minute, func() result { return ask("dead-letters list json", "dead-letters", "list", "-o", "json") }, func(r result) bool {
		stages := map[string]int{}
		if json.Unmarshal([]byte(r.out), &letters) == nil {
			for _, l := range letters {
				stages[l.Stage]++
			}
		}
		return len(letters) >= 16 && len(stages) >= 3
	})
	s.file("2.csv", "Password,Id,FirstName,LastName,Email,Points\n"+secret("csv-first")+",notanid,A,B,g@example.com,1\n")
	s.file("3.csv", "27,"+secret("csv-no-header")+",Ann,Lee,good@example.com,47\n")
	s.file("4.csv", csvHeader+"1,"+secret("csv-held")+",A,B,h@example.com,1\n") // withdraws the others

	coordinates := []string{"dead-letters", "show"}
	for _, l := range letters {
		coordinates = append(coordinates, l.Coordinates)
	}
	for _, output := range []string{"text", "json"} {
		for _, args := range [][]string{coordinates, {"dead-letters", "list"}, {"dead-letters", "list", "--pending"}, {"config", "show"}, {"config", "check"},
			{"topics", "check"}, {"import", "--history"}, {"topology"}, {"version"}, {"get", "nobody@example.com"},
			{"import", filepath.Join(s.dir, "loyalty", "3.csv")}, {"dead-letters", "retry", coordinates[2]}} {
			r := ask(strings.Join(args[:min(2, len(args))], " ")+" "+output, append(args, "-o", output)...)
			if r.out+r.err == "" {
				t.Errorf("%v prints nothing", args)
			}
		}
	}
	if text := seen.by[coordinates[0]+" "+coordinates[1]+" text"]; !strings.Contains(text, "********") || !strings.Contains(text, "mysql-bin.000003") {
		t.Errorf("dead letters are not shown, or not masked: %.400s", text)
	}
	pages(t, seen, eventually(t, time.Minute, func() result { return result{out: log.String()} }, func(r result) bool { return httpAddress.MatchString(r.out) }).out)
	for _, name := range []string{"2.csv", "3.csv", "4.csv"} {
		eventually(t, 2*time.Minute, func() result { return ask("import history of "+name, "import", "--history") }, func(r result) bool { return strings.Contains(r.out, name) })
	}

	// What a fatal error leaves: the stacks of all goroutines.
	if err := run.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-exited:
	case <-time.After(time.Minute):
		t.Fatal("SIGQUIT does not end it")
	}
	seen.add("the log of run", log.String())

	// The one record that ends a group is quoted by nobody, in no message.
	odd := fmt.Sprintf(`{"password":%q`, secret("key-broken"))
	if err := s.kafka.ProduceSync(t.Context(), &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(odd), Value: []byte(row(7111, `"odd@example.com"`, `"x"`)),
		Partition: topology.Partition([]byte(odd), 3)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if r := seen.run("run to its end", 2*time.Minute, nil, "run", "--config", conf); r.code != 1 || !strings.Contains(r.err, "the form of the topic's keys") {
		t.Errorf("another form of key: exit code %d\n%s", r.code, tail(r.err))
	}
	if !strings.Contains(log.String(), "goroutine ") || !strings.Contains(log.String(), "level=DEBUG") {
		t.Error("no stacks, or no debug lines in the log")
	}
	seen.search()
}

func pages(t *testing.T, seen *shown, log string) {
	t.Helper()
	address := httpAddress.FindStringSubmatch(log)[1]
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2",
		"/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/heap", "/debug/pprof/symbol", "/none"} {
		r, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || len(body) == 0 {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
		seen.add("the page "+path, fmt.Sprint(r.Header)+string(body))
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What is wrong with a configuration, or with the systems that it names, is
// told without its secrets.
func TestErrorsShowNoSecrets(t *testing.T) {
	t.Parallel()
	s := startSystems(t)
	seen := &shown{t: t, by: map[string]string{}}
	pem := filepath.Join(s.dir, "key.pem")
	if err := os.WriteFile(pem, []byte("-----BEGIN PRIVATE KEY-----\n"+secret("pem")+"\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := "127.0.0.1:1"
	var all sync.WaitGroup
	limit := make(chan struct{}, 4)
	for name, c := range map[string]struct{ changes, env []string }{
		"wrong couchbase password":   {[]string{"password:", "password: " + secret("wrong")}, nil},
		"wrong sasl password":        {[]string{"sasl:", "sasl: {mechanism: PLAIN, username: x, password: " + secret("wrong") + "}"}, nil},
		"no kafka":                   {[]string{"brokers:", "brokers: [" + nowhere + "]"}, nil},
		"user in broker":             {[]string{"brokers:", `brokers: ["u:` + secret("broker") + "@" + nowhere + `"]`}, nil},
		"short user in broker":       {[]string{"brokers:", "brokers: [" + secret("broker") + "@" + nowhere + "]"}, nil},
		"user in connection string":  {[]string{"connection_string:", "connection_string: couchbase://u:" + secret("connection") + "@" + nowhere}, nil},
		"query in connection string": {[]string{"connection_string:", "connection_string: couchbase://" + nowhere + "?password=" + secret("query")}, nil},
		"broken connection string":   {[]string{"connection_string:", "connection_string: http//u:" + secret("connection") + "@x?token=" + secret("query")}, nil},
		"user in url":                {[]string{"url:", "url: http://u:" + secret("url") + "@" + nowhere + "/x"}, nil},
		"query in url":               {[]string{"url:", "url: http://" + nowhere + "/x?token=" + secret("token")}, nil},
		"broken url":                 {[]string{"url:", "url: http://u:" + secret("url") + "@" + nowhere + "/%zz?token=" + secret("token")}, nil},
		"key file of kafka":          {[]string{"sasl:", "tls: {enabled: true, cert_file: " + pem + ", key_file: " + pem + "}"}, nil},
		"authority of kafka":         {[]string{"sasl:", "tls: {enabled: true, ca_file: " + pem + "}"}, nil},
		"key file of couchbase":      {[]string{"connection_string:", "connection_string: couchbases://" + nowhere + "\n  tls: {cert_file: " + pem + ", key_file: " + pem + "}"}, nil},
		"a list for a password":      {[]string{"password:", "password: [" + secret("list") + "]"}, nil},
		"a map for a password":       {[]string{"password:", "password: {x: " + secret("map") + "}"}, nil},
		"an open quote":              {[]string{"password:", `password: "` + secret("open")}, nil},
		"no space":                   {[]string{"password:", "password:" + secret("no-space")}, nil},
		"a mistyped key":             {[]string{"password:", "pasword: " + secret("mistyped")}, nil},
		"text for headers":           {[]string{"headers:", "headers: 'Authorization: " + secret("headers") + "'"}, nil},
		"a header in its name":       {[]string{"headers:", "headers: {'Authorization: " + secret("headers") + "': x}"}, nil},
		"a header with a newline":    {[]string{"headers:", `headers: {Authorization: "` + secret("headers") + `\nx"}`}, nil},
		"headers in the environment": {nil, []string{"CUSTOMER360_ONLINE_STORE_HEADERS=Authorization: " + secret("env")}},
		"password in the environment": {[]string{"password:", "username: Administrator"},
			[]string{"CUSTOMER360_COUCHBASE_PASSWORD=" + secret("env")}},
	} {
		conf := s.config(strings.ReplaceAll(name, " ", "-"), c.changes...)
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			for _, args := range [][]string{{"config", "check"}, {"config", "show"}, {"config", "show", "-o", "json"}, {"get", "k"}, {"run"}} {
				r := seen.run(name+": "+strings.Join(args, " "), 4*time.Second, c.env, append(args, "--config", conf)...)
				if args[0] == "run" && r.code == 0 {
					t.Errorf("%s: run ends without an error", name)
				}
			}
		})
	}
	all.Wait()
	seen.search()
}

// The passwords of the simulated people, and of the embedded Couchbase, are in
// nothing that `up` prints.
func TestUpShowsNoPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := command(append([]string{"up", "--once", "--dir", dir, "--customers", "80"}, anyPorts...)...)
	r := finish(t, c, 3*time.Minute)
	if r.code != 0 {
		t.Fatalf("exit code %d", r.code)
	}
	passwords := []string{strings.TrimSpace(read(t, filepath.Join(dir, "couchbase.password")))}
	for _, doc := range documents(t, dir, "customer360") {
		for _, m := range regexp.MustCompile(`"pass":"([^"]{6,})"`).FindAllStringSubmatch(doc, -1) {
			passwords = append(passwords, m[1])
		}
	}
	if len(passwords) < 80 {
		t.Errorf("only %d passwords are known", len(passwords))
	}
	for _, p := range passwords {
		if strings.Contains(r.out+r.err, p) {
			t.Error("a password is in the output of up")
		}
	}
}
