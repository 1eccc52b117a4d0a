package couchbase

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"customer360/internal/local/couchbase"
)

// elsewhere is another program that works on a bucket in its own ways.
type elsewhere struct {
	t   *testing.T
	col *gocb.Collection
}

func (e elsewhere) json(key, body string) {
	e.t.Helper()
	if _, err := e.col.Upsert(key, []byte(body), &gocb.UpsertOptions{Transcoder: gocb.NewRawJSONTranscoder()}); err != nil {
		e.t.Fatal(err)
	}
}

func (e elsewhere) binary(key, body string) {
	e.t.Helper()
	if _, err := e.col.Upsert(key, []byte(body), &gocb.UpsertOptions{Transcoder: gocb.NewRawBinaryTranscoder()}); err != nil {
		e.t.Fatal(err)
	}
}

func (e elsewhere) remove(key string) {
	e.t.Helper()
	if _, err := e.col.Remove(key, nil); err != nil {
		e.t.Fatal(err)
	}
}

func (e elsewhere) fence(key string, value any) {
	e.t.Helper()
	spec := gocb.UpsertSpec(fenceXattr, value, &gocb.UpsertSpecOptions{IsXattr: true, CreatePath: true})
	if _, err := e.col.MutateIn(key, []gocb.MutateInSpec{spec}, nil); err != nil {
		e.t.Fatal(err)
	}
}

// patient waits for a busy machine: here nothing is about timeouts.
func patient(node *couchbase.Node) Config {
	cfg := nodeConfig(node)
	cfg.Timeout = 30 * time.Second
	return cfg
}

// sink is a writer whose log and metrics the test reads.
type sink struct {
	*writer
	ledger *ledger
	log    *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func startSink(t *testing.T, cfg Config, target Target, s store) *sink {
	t.Helper()
	m, err := newMeter(prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	log, l := &logBuffer{}, newLedger()
	w := newWriter(cfg, target, s, slog.New(slog.NewTextHandler(log, nil)), m, l.refuse)
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { w.run(ctx) })
	t.Cleanup(func() { stop(); done.Wait() })
	return &sink{w, l, log}
}

func (s *sink) write(t *testing.T, key string, offset int64, body string) {
	t.Helper()
	m := s.ledger.message(key, offset, body)
	if body != "" && s.target.Bucket == "staging" {
		m.expiry = uint32(time.Now().Add(time.Hour).Unix())
	}
	s.submit(m)
	settled(t, s.ledger)
}

func (s *sink) met(t *testing.T, action string, n float64) {
	t.Helper()
	var got dto.Metric
	if err := s.meter.foreigns.WithLabelValues(action).Write(&got); err != nil {
		t.Fatal(err)
	}
	if got.Counter.GetValue() != n {
		t.Errorf("%v foreign documents counted as %s, want %v", got.Counter.GetValue(), action, n)
	}
}

// A document that no sink wrote, in every shape that the tool or the person
// behind it can have given it: overwrite makes it ours, keep leaves it alone.
func TestForeignShapes(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := patient(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		for _, target := range []Target{cfg.Documents, cfg.Staging} {
			bucket, err := client.bucket(context.Background(), target)
			if err != nil {
				t.Fatal(err)
			}
			other := elsewhere{t, bucket.DefaultCollection()}
			for name, put := range map[string]func(key string){
				"no fence":           func(key string) { other.json(key, `"theirs"`) },
				"binary":             func(key string) { other.binary(key, "\x00\xff not JSON") },
				"binary, JSON in it": func(key string) { other.binary(key, `{"a":1}`) },
				"empty":              func(key string) { other.binary(key, "") },
				"fence is text":      func(key string) { other.json(key, `1`); other.fence(key, "1/5") },
				"fence is a number":  func(key string) { other.json(key, `1`); other.fence(key, 5) },
				"fence is null":      func(key string) { other.json(key, `1`); other.fence(key, nil) },
				"fence is a list":    func(key string) { other.json(key, `1`); other.fence(key, []int{1, 5}) },
				"fence has text":     func(key string) { other.json(key, `1`); other.fence(key, map[string]any{"g": "1", "o": "5"}) },
				"fence has fractions": func(key string) {
					other.json(key, `1`)
					other.fence(key, map[string]any{"g": 1.5, "o": 1e99})
				},
				"fence is half":      func(key string) { other.json(key, `1`); other.fence(key, map[string]any{"g": 1}) },
				"fence on a binary":  func(key string) { other.binary(key, "\xff"); other.fence(key, "garbage") },
				"fence of nonsense":  func(key string) { other.json(key, `1`); other.fence(key, map[string]any{"x": map[string]any{"y": 1}}) },
				"fence out of range": func(key string) { other.json(key, `1`); other.fence(key, map[string]any{"g": 1, "o": uint64(1) << 63}) },
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", mode, target.Bucket, name), func(t *testing.T) {
					s := startSink(t, cfg, target, open(t, client, target))
					key := mode + " " + name
					put(key)
					before, err := other.col.Get(key, &gocb.GetOptions{Transcoder: anything{}})
					if err != nil {
						t.Fatal(err)
					}
					for _, removal := range []bool{false, true} {
						body := map[bool]string{false: `"ours"`, true: ""}[removal]
						s.write(t, key, map[bool]int64{false: 5, true: 6}[removal], body)
						if mode == Keep {
							now, err := other.col.Get(key, &gocb.GetOptions{Transcoder: anything{}})
							if err != nil || now.Cas() != before.Cas() {
								t.Fatalf("it was changed: CAS %v, before %v, %v", now.Cas(), before.Cas(), err)
							}
							continue
						}
						is2(t, client, open(t, client, target), key, body, Fence{1, map[bool]int64{false: 5, true: 6}[removal]})
						if !removal {
							decodes(t, other.col, key)
						}
					}
					if mode == Keep {
						s.met(t, Keep, 2)
					} else {
						s.met(t, Overwrite, 1)
					}
					if n := s.log.count("carries no fence"); n != 1 {
						t.Errorf("logged %d times", n)
					}
				})
			}
		}
	}
}

// anything takes a body of any flags.
type anything struct{}

func (anything) Encode(any) ([]byte, uint32, error)       { return nil, 0, nil }
func (anything) Decode(b []byte, _ uint32, out any) error { *out.(*[]byte) = b; return nil }

// decodes makes sure that SDKs see JSON in a document, by its flags too.
func decodes(t *testing.T, col *gocb.Collection, key string) {
	t.Helper()
	r, err := col.Get(key, &gocb.GetOptions{Transcoder: gocb.NewJSONTranscoder()})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := r.Content(&v); err != nil {
		t.Errorf("%s cannot be read as JSON: %v", key, err)
	}
}
