package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/up"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	sink "customer360/processors/couchbase"
	"customer360/topology"
)

// unpack makes a copy of a fixture and returns its folder and the time at which
// its last file was written.
func unpack(t *testing.T, archive string) (dir string, made time.Time) {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(into, "upgrade"), made
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(into, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err == nil { // csvdir goes by the files' times
			err = os.Chtimes(path, h.ModTime, h.ModTime)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.After(made) {
			made = h.ModTime
		}
	}
}

// fenced is a document as it is stored: body and fence.
type fenced struct {
	body  string
	fence sink.Fence
}

// fencedDocuments reads two buckets of a folder whose run has ended, at a time.
func fencedDocuments(t *testing.T, dir string, at time.Time) map[string]fenced {
	t.Helper()
	c := couchbase.DefaultConfig()
	c.Dir, c.Username, c.Password = filepath.Join(dir, "couchbase"), "u", "p"
	c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	node, err := couchbase.New(c, couchbase.Deps{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	stop := couchbasetest.Serve(t, node)
	defer stop()
	sc := sink.DefaultConfig()
	sc.ConnectionString, sc.Username, sc.Password = node.ConnectionString(), "u", "p"
	client, err := sink.Connect(t.Context(), sc, nil, sc.Documents, sc.Staging)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	docs := map[string]fenced{}
	for _, target := range []sink.Target{sc.Documents, sc.Staging} {
		err := node.EachDocument(target.Bucket, func(key, body []byte) error {
			docs[target.Bucket+" "+string(key)] = fenced{body: string(body)}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range docs {
			key, ok := strings.CutPrefix(name, target.Bucket+" ")
			if !ok {
				continue
			}
			if d.fence, ok, err = client.Fence(t.Context(), target, key); err != nil || !ok {
				t.Fatalf("the fence of %s: %v, %v", name, ok, err)
			}
			docs[name] = d
		}
	}
	return docs
}

// quietly collects what a run says, from any goroutine.
type quietly struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (q *quietly) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.buf.Write(b)
}

func (q *quietly) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.buf.String()
}

// upgraded are the options of a run of this version on the folder, by a clock
// that goes on where the folder's stood.
func upgraded(dir string, made time.Time, out, log io.Writer) up.Options {
	o, began := up.DefaultOptions(), time.Now()
	o.Dir, o.Customers, o.Seed, o.EventsPerSecond, o.Night = dir, 40, 7, 0, 1000*time.Hour
	o.Kafka, o.Couchbase, o.Store, o.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	o.Now = func() time.Time { return made.Add(time.Since(began)) }
	o.Out, o.Err = out, log
	return o
}

// This version goes on with an older one's folder: no refusal, nothing imported
// or asked for again, no state dropped, not a byte or a fence changed; then it
// takes changes.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	fixtures, err := filepath.Glob(filepath.Join("testdata", "upgrade", "*.tar.gz"))
	if err != nil || len(fixtures) == 0 {
		t.Fatal(err, "no fixture")
	}
	for _, archive := range fixtures {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			t.Parallel()
			dir, made := unpack(t, archive)
			before := fencedDocuments(t, dir, made)
			if len(before) < 100 {
				t.Fatalf("%d documents in the fixture", len(before))
			}
			var out, log quietly
			o := upgraded(dir, made, &out, &log)
			o.Once = true
			if err := up.Run(t.Context(), o); err != nil {
				t.Fatalf("%v\n%s", err, tail(log.String()))
			}
			var counts struct {
				DeadLetters int `json:"dead_letters"`
				Requests    int `json:"http_requests"`
			}
			if err := json.Unmarshal([]byte(out.String()), &counts); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if counts.Requests != 0 || counts.DeadLetters != 1 {
				t.Errorf("requests and dead letters: %+v", counts)
			}
			for _, line := range []string{"local state dropped", "msg=imported", "level=ERROR", "is being replaced"} {
				if strings.Contains(log.String(), line) {
					t.Errorf("the log says %q:\n%s", line, tail(log.String()))
				}
			}
			compareFenced(t, fencedDocuments(t, dir, made), before)
			wanted := 0
			for key := range before {
				if strings.HasPrefix(key, "customer360 ") && strings.Contains(key, "@") {
					wanted++
				}
			}
			changeLive(t, dir, made, wanted)
		})
	}
}

func compareFenced(t *testing.T, got, want map[string]fenced) {
	t.Helper()
	for key, w := range want {
		if got[key] != w {
			t.Errorf("%s:\n got %v\nwant %v", key, got[key], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d documents, there were %d", len(got), len(want))
	}
}

// changeLive waits until the poller knows all whom the folder's did, publishes
// a change of a row and waits for it in the document.
func changeLive(t *testing.T, dir string, made time.Time, wanted int) {
	t.Helper()
	var out, log quietly
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	path := filepath.Join(dir, "customer360.yaml")
	if err := os.Remove(path); err != nil { // the run writes it with its own addresses
		t.Fatal(err)
	}
	o := upgraded(dir, made, &out, &log)
	o.HTTP = couchbasetest.FreeAddress(t)
	go func() { ended <- up.Run(ctx, o) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v\n%s", err, tail(log.String()))
		}
	}()
	c := awaitConfig(t, path, ended)
	eventually(t, 2*time.Minute, func() result { return result{out: metrics(o.HTTP)} }, func(r result) bool {
		return strings.Contains(r.out, fmt.Sprintf("\ncustomer360_restpoll_wanted %d\n", wanted))
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	const row = `{"before":null,"after":{"id":1029,"name":"Matthew Groves","email":"matthew.groves@couchbase.com","password":"x",` +
		`"address_line_1":"1 New Street","city":"Columbus","state":"OH","zipcode":"43004"},"source":{"version":"3.3.1.Final",` +
		`"connector":"mysql","name":"dbserver1","ts_ms":1795697144000,"snapshot":"false","db":"inventory","table":"customers",` +
		`"server_id":223344,"file":"mysql-bin.000999","pos":4711,"row":0},"op":"u","ts_ms":1795697144103}`
	record := &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(`{"id":1029}`), Value: []byte(row)}
	if err := cl.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, func() result {
		return finish(t, command("get", "--dir", dir, "matthew.groves@couchbase.com"), time.Minute)
	}, func(r result) bool { return r.code == 0 && strings.Contains(r.out, "1 New Street") })
}

// metrics is what /metrics answers, or why it does not.
func metrics(address string) string {
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func awaitConfig(t *testing.T, path string, ended chan error) config.Config {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := config.Load(path, func(string) (string, bool) { return "", false })
		if err == nil {
			return c
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
