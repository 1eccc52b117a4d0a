package schemaregistry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"customer360/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a registry whose answers a test sets.
type fake struct {
	*httptest.Server
	requests atomic.Int64
	answer   atomic.Pointer[http.HandlerFunc]
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		(*f.answer.Load())(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) will(h http.HandlerFunc) { f.answer.Store(&h) }

func (f *fake) status(code int, body string) {
	f.will(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	})
}

func (f *fake) schema(text, kind string) {
	b, _ := json.Marshal(map[string]string{"schema": text, "schemaType": kind})
	f.status(http.StatusOK, string(b))
}

// clock is a test's time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const secret = "hunter2"

func newRegistry(t *testing.T, url string) (*Registry, *clock) {
	t.Helper()
	c := &clock{now: time.Unix(1000000, 0)}
	r, err := New(Config{URLs: []string{url}, Username: "debezium", Password: secret, Now: c.Now, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func wire(id uint32, body string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), body...)
}

func TestSchemaIsAskedForOnce(t *testing.T) {
	f := newFake(t)
	f.will(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/schemas/ids/7" || user != "debezium" || password != secret {
			t.Errorf("%s as %s", r.URL, user)
		}
		fmt.Fprint(w, `{"schema":"\"long\""}`) // Confluent's leaves schemaType out for Avro
	})
	r, _ := newRegistry(t, f.URL)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if b, err := r.JSON(wire(7, "\x54"), time.Time{}); err != nil || string(b) != "42" {
				t.Errorf("%s, %v", b, err)
			}
		})
	}
	all.Wait()
	f.Close()
	if b, err := r.JSON(wire(7, "\x02"), time.Time{}); err != nil || string(b) != "1" {
		t.Errorf("without the registry: %s, %v", b, err)
	}
	if n := f.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestAnswers sorts what a registry, or what stands in its place, can say.
func TestAnswers(t *testing.T) {
	f := newFake(t)
	const notFound = `{"error_code":40403,"message":"Schema 7 not found ` + secret + `"}`
	for _, c := range []struct {
		name   string
		set    func()
		is     error // nil: the record can never be read
		text   string
		record string
	}{
		{"unknown", func() { f.status(404, notFound) }, nil, "40403", ""},
		{"other path", func() { f.status(404, "<html>"+secret) }, codec.ErrLater, "is home_delivery.schema_registry.url", ""},
		{"other code", func() { f.status(404, `{"error_code":40401}`) }, codec.ErrLater, "without the error code 40403", ""},
		{"no user", func() { f.status(401, secret) }, codec.ErrHalt, "username and password", ""},
		{"no right", func() { f.status(403, secret) }, codec.ErrHalt, "the right to read", ""},
		{"broken", func() { f.status(500, secret) }, codec.ErrLater, "status 500", ""},
		{"busy", func() { f.status(429, secret) }, codec.ErrLater, "status 429", ""},
		{"page", func() { f.status(200, "<html>"+secret) }, codec.ErrLater, "no schema", ""},
		{"empty", func() { f.status(200, "{}") }, codec.ErrLater, "no schema", ""},
		{"endless", func() {
			f.will(func(w http.ResponseWriter, _ *http.Request) {
				for range maxAnswer/1024 + 100 {
					if _, err := w.Write(make([]byte, 1024)); err != nil {
						return
					}
				}
			})
		}, codec.ErrLater, "no schema", ""},
		{"protobuf", func() { f.schema(`syntax = "proto3";`, "PROTOBUF") }, nil, "it is PROTOBUF", ""},
		{"references", func() {
			f.status(200, `{"schema":"\"x.Y\"","references":[{"name":"x.Y","subject":"s","version":1}]}`)
		}, nil, "refers to other schemas", ""},
		{"no Avro", func() { f.schema("{", "AVRO") }, nil, "the Avro schema", ""},
		{"another value", func() { f.schema(`"long"`, "AVRO") }, nil, "not what schema 7 says: something follows", "\x02x"},
		{"closed", func() {
			f.will(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, _ := w.(http.Hijacker).Hijack()
				_ = conn.Close()
			})
		}, codec.ErrLater, "does not answer", ""},
	} {
		c.set()
		r, _ := newRegistry(t, f.URL)
		_, err := r.JSON(wire(7, c.record), time.Unix(0, 0))
		switch {
		case err == nil || !strings.Contains(err.Error(), c.text):
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		case c.is != nil && !errors.Is(err, c.is), c.is == nil && (errors.Is(err, codec.ErrLater) || errors.Is(err, codec.ErrHalt)):
			t.Errorf("%s: wrong kind of %v", c.name, err)
		case strings.Contains(err.Error(), secret):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r, c := newRegistry(t, "http://"+l.Addr().String())
	_, err = r.JSON(wire(7, ""), time.Time{})
	if !errors.Is(err, codec.ErrLater) || !strings.Contains(err.Error(), "connection refused") {
		t.Fatal(err)
	}
	_, again := r.JSON(wire(8, ""), time.Time{})
	c.pass(defaultPause)
	if _, later := r.JSON(wire(8, ""), time.Time{}); again != err || later == err {
		t.Errorf("within the pause %v, after it %v", again, later)
	}
}

// TestYoungRecordsWait: a registry's follower learns ids after its leader.
func TestYoungRecordsWait(t *testing.T) {
	f := newFake(t)
	const notFound = `{"error_code":40403}`
	f.status(404, notFound)
	r, c := newRegistry(t, f.URL)
	young := c.Now()
	for range 3 {
		if _, err := r.JSON(wire(7, "\x02"), young); !errors.Is(err, codec.ErrLater) {
			t.Fatalf("%v", err)
		}
		c.pass(2 * time.Second)
	}
	f.schema(`"long"`, "AVRO")
	if b, err := r.JSON(wire(7, "\x02"), young); err != nil || string(b) != "1" {
		t.Fatalf("%s, %v", b, err)
	}

	f.status(404, notFound)
	for _, written := range []time.Time{c.Now().Add(-defaultGrace), c.Now().Add(time.Hour)} {
		if _, err := r.JSON(wire(8, ""), written); err == nil || errors.Is(err, codec.ErrLater) {
			t.Errorf("written at %v: %v", written, err)
		}
	}
	// The old record's verdict is not the young one's, nor is it for ever.
	if _, err := r.JSON(wire(8, ""), c.Now()); !errors.Is(err, codec.ErrLater) {
		t.Errorf("a young record after an old one: %v", err)
	}
	before := f.requests.Load()
	if _, err := r.JSON(wire(8, ""), time.Unix(0, 0)); err == nil || f.requests.Load() != before {
		t.Errorf("asked again at once: %v", err)
	}
	f.schema(`"long"`, "AVRO")
	c.pass(forget)
	if b, err := r.JSON(wire(8, "\x02"), time.Unix(0, 0)); err != nil || string(b) != "1" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestShort(t *testing.T) {
	r, _ := newRegistry(t, "http://127.0.0.1:1")
	for _, b := range []string{"", "\x00", "\x00\x00\x00\x00", "{\"id\":1}"} {
		if _, err := r.JSON([]byte(b), time.Time{}); err == nil || errors.Is(err, codec.ErrLater) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func TestUnknownIDsDoNotFillMemory(t *testing.T) {
	f := newFake(t)
	f.status(404, `{"error_code":40403}`)
	r, _ := newRegistry(t, f.URL)
	for id := range uint32(maxUnknown + 10) {
		r.unknown[id+1] = verdict{errUnknown, time.Unix(0, 0)}
	}
	if _, err := r.JSON(wire(1<<31, ""), time.Unix(0, 0)); err == nil || len(r.unknown) != 1 {
		t.Errorf("%v, %d ids", err, len(r.unknown))
	}
}
