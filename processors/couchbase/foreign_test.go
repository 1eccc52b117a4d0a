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
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/local/couchbase"
	"customer360/topology"
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

// Under our fence a document is ours, whoever changed it last: the next message
// overwrites it in both modes, and a message that was written before does not.
func TestChangedUnderItsFence(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := patient(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		for _, target := range []Target{cfg.Documents, cfg.Staging} {
			t.Run(mode+" "+target.Bucket, func(t *testing.T) {
				bucket, err := client.bucket(context.Background(), target)
				if err != nil {
					t.Fatal(err)
				}
				col, other, key := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}, "changed "+mode
				s := startSink(t, cfg, target, col)
				s.write(t, key, 5, `"ours"`)
				other.json(key, `"by hand"`)
				s.write(t, key, 5, `"ours"`) // a replay: its fence is there already
				is2(t, client, col, key, `"by hand"`, Fence{1, 5})
				s.write(t, key, 6, `"newer"`)
				is2(t, client, col, key, `"newer"`, Fence{1, 6})
				s.met(t, changed, 1)
				other.json(key, `"by hand again"`)
				s.write(t, key, 7, "")
				is2(t, client, col, key, "", Fence{1, 7})
				s.met(t, changed, 2)
				if n := s.log.count("changed by somebody else"); n != 1 {
					t.Errorf("logged %d times", n)
				}
				s.write(t, key, 8, `"back"`)

				other.binary(key, "\xff by hand") // its flags with it
				s.write(t, key, 9, `"readable"`)
				is2(t, client, col, key, `"readable"`, Fence{1, 9})
				decodes(t, other.col, key)

				other.remove(key) // the fence stays on the tombstone
				s.write(t, key, 9, `"readable"`)
				is2(t, client, col, key, "", Fence{1, 9})
				s.write(t, key, 10, `"after all"`)
				is2(t, client, col, key, `"after all"`, Fence{1, 10})
				s.met(t, Overwrite, 0)
				s.met(t, Keep, 0)

				other.fence(key, map[string]int64{"g": 1, "o": 1 << 40}) // of the future: it is believed
				s.write(t, key, 11, `"too old"`)
				is2(t, client, col, key, `"after all"`, Fence{1, 1 << 40})
			})
		}
	}
}

// Where somebody's document was removed, with no fence and maybe flags that are
// not JSON's, there is nothing to keep.
func TestForeignTombstone(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := patient(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		for _, target := range []Target{cfg.Documents, cfg.Staging} {
			for _, first := range []string{FirstInsert, FirstReserve} {
				t.Run(mode+" "+target.Bucket+" "+first, func(t *testing.T) {
					cfg := cfg
					cfg.FirstWrite = first
					bucket, err := client.bucket(context.Background(), target)
					if err != nil {
						t.Fatal(err)
					}
					col, other := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}
					s := startSink(t, cfg, target, col)
					for i, put := range []func(key, body string){other.json, other.binary} {
						written, removed := fmt.Sprint("written", i, mode, first), fmt.Sprint("removed", i, mode, first)
						for _, key := range []string{written, removed} {
							put(key, `"theirs"`)
							other.remove(key)
						}
						s.write(t, written, 5, `{"b":1,"a":2}`)
						is2(t, client, col, written, `{"b":1,"a":2}`, Fence{1, 5})
						decodes(t, other.col, written)
						s.write(t, removed, 5, "")
						is2(t, client, col, removed, "", Fence{1, 5})
						s.write(t, removed, 4, `"late"`)
						is2(t, client, col, removed, "", Fence{1, 5})
					}
					s.met(t, Overwrite, 0)
					s.met(t, Keep, 0)
				})
			}
		}
	}
}

// A locked document holds up its own key, not the others, and is written when
// the lock is gone.
func TestLockedDocument(t *testing.T) {
	node := startNode(t)
	cfg := patient(node)
	client := connect(t, cfg)
	for _, target := range []Target{cfg.Documents, cfg.Staging} {
		bucket, err := client.bucket(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		col, other := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}
		s := startSink(t, cfg, target, col)
		s.write(t, "ours", 1, `"before"`)
		other.json("theirs", `"theirs"`)
		locks := map[string]gocb.Cas{}
		for _, key := range []string{"ours", "theirs"} {
			r, err := other.col.GetAndLock(key, 30*time.Second, nil)
			if err != nil {
				t.Fatal(err)
			}
			locks[key] = r.Cas()
		}
		waiting := []*message{s.ledger.message("ours", 2, `"after"`), s.ledger.message("theirs", 2, "")}
		for _, m := range waiting {
			s.submit(m)
		}
		free := s.ledger.message("free", 2, `"free"`)
		s.submit(free)
		eventually(t, 10*time.Second, func() bool { return len(s.ledger.of(free)) == 1 && s.meter.retries.Load() >= 4 },
			func() string { return "a key that is not locked waits, or nothing is tried again" })
		for _, m := range waiting {
			if done := s.ledger.of(m); len(done) != 0 {
				t.Errorf("%s is done under the lock: %v", m.key, done)
			}
		}
		for key, cas := range locks {
			if err := other.col.Unlock(key, cas, nil); err != nil {
				t.Fatal(err)
			}
		}
		settled(t, s.ledger)
		is2(t, client, col, "ours", `"after"`, Fence{1, 2})
		is2(t, client, col, "theirs", "", Fence{1, 2})
		s.met(t, changed, 0)
		s.met(t, Overwrite, 1)
	}
}

// Keys are logged once, up to a number that bounds the memory for it.
func TestForeignIsLoggedOnce(t *testing.T) {
	f := newFakeStore()
	s := startSink(t, testConfig(), testConfig().Documents, f)
	const more = 20
	for i := range maxForeign + more {
		f.put(fmt.Sprint(i), entry{state: state{presence: live}, body: "theirs"})
		s.submit(s.ledger.message(fmt.Sprint(i), 5, `"ours"`))
	}
	settled(t, s.ledger)
	f.put("0", entry{state: state{presence: live}, body: "theirs again"})
	s.write(t, "0", 6, `"ours"`)
	s.met(t, Overwrite, maxForeign+more+1)
	if n := s.log.count("carries no fence"); n != maxForeign {
		t.Errorf("logged %d keys, want %d", n, maxForeign)
	}
	if n := s.log.count("no more keys"); n != 1 {
		t.Errorf("the end of it is logged %d times", n)
	}
}

// The same through Kafka, with the routes of staging: the offset moves.
func TestForeignInStaging(t *testing.T) {
	for _, mode := range []string{Overwrite, Keep} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.Foreign = mode
			bucket, err := w.client.bucket(context.Background(), w.cfg.Staging)
			if err != nil {
				t.Fatal(err)
			}
			other := elsewhere{t, bucket.DefaultCollection()}
			other.json("loyalty-member-27", `"theirs"`)
			other.binary("loyalty-member-28", "\xff")
			other.json("loyalty-member-29", `"theirs"`)
			w.start(NewStaging(w.cfg, w.deps("a"), codec.Loyalty))
			for id, value := range map[string][]byte{"27": []byte(`{"id":"27"}`), "28": []byte(`{"id":"28"}`), "29": nil} {
				w.produce(&kgo.Record{Topic: topology.LoyaltyTopic, Key: []byte(id), Value: value})
			}
			w.committed(w.settings.StagingGroup(codec.Loyalty), topology.LoyaltyTopic)
			for key, want := range map[string]map[string]string{
				"loyalty-member-27": {Overwrite: `{"id":"27"}`, Keep: `"theirs"`},
				"loyalty-member-28": {Overwrite: `{"id":"28"}`, Keep: "\xff"},
				"loyalty-member-29": {Overwrite: "", Keep: `"theirs"`},
			} {
				r, err := other.col.Get(key, &gocb.GetOptions{Transcoder: anything{}})
				var body []byte
				if err == nil {
					err = r.Content(&body)
				}
				if gone := is(err, gocb.ErrDocumentNotFound); gone != (want[mode] == "") || !gone && string(body) != want[mode] {
					t.Errorf("%s is %q, %v; want %q", key, body, err, want[mode])
				}
			}
		})
	}
}
