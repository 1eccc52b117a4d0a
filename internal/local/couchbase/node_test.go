package couchbase_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// settings are those of a node in dir, as couchbasetest makes them.
func settings(dir string) couchbase.Config {
	cfg := couchbase.DefaultConfig()
	cfg.Dir, cfg.Username, cfg.Password = dir, couchbasetest.Username, couchbasetest.Password
	cfg.Buckets = []couchbase.Bucket{{Name: "default", Collections: map[string][]string{"app": {"docs"}}}}
	return cfg
}

// startStoppable runs a node until stop is called, which waits for its end.
func startStoppable(t testing.TB, dir string, opts ...func(*couchbase.Config)) (address string, stop func()) {
	t.Helper()
	cfg := settings(dir)
	for _, o := range opts {
		o(&cfg)
	}
	node, stop := couchbasetest.Run(t, cfg)
	return node.Addr(), stop
}

// run starts a node that must not get far and returns why.
func run(t *testing.T, cfg couchbase.Config) error {
	t.Helper()
	node, err := couchbase.New(cfg, couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return node.Run(ctx)
}

func TestUsedPortAndFolder(t *testing.T) {
	dir := t.TempDir()
	address, stop := startStoppable(t, dir)
	defer stop()
	cfg := settings(t.TempDir())
	cfg.Listen = address
	if err := run(t, cfg); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("a used port: %v", err)
	}
	if err := run(t, settings(dir)); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a used folder: %v", err)
	}
}

func TestRunsOnce(t *testing.T) {
	node, err := couchbase.New(settings(t.TempDir()), couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := node.Run(ended); err != nil {
		t.Error(err)
	}
	if node.Run(ended) == nil {
		t.Error("a node ran twice")
	}
}

func TestValidate(t *testing.T) {
	if err := settings("dir").Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*couchbase.Config){
		"no folder":      func(c *couchbase.Config) { c.Dir = "" },
		"address":        func(c *couchbase.Config) { c.Listen = "127.0.0.1" },
		"no password":    func(c *couchbase.Config) { c.Password = "" },
		"no user":        func(c *couchbase.Config) { c.Username = "" },
		"purge":          func(c *couchbase.Config) { c.PurgeInterval = 0 },
		"sweep":          func(c *couchbase.Config) { c.SweepInterval = -1 },
		"no bucket":      func(c *couchbase.Config) { c.Buckets = nil },
		"bucket twice":   func(c *couchbase.Config) { c.Buckets = append(c.Buckets, c.Buckets[0]) },
		"name of bucket": func(c *couchbase.Config) { c.Buckets = []couchbase.Bucket{{Name: "a b"}} },
		"name of scope": func(c *couchbase.Config) {
			c.Buckets = []couchbase.Bucket{{Name: "b", Collections: map[string][]string{"a.b": nil}}}
		},
		"name of collection": func(c *couchbase.Config) {
			c.Buckets = []couchbase.Bucket{{Name: "b", Collections: map[string][]string{"a": {"_b"}}}}
		},
	} {
		cfg := settings("dir")
		spoil(&cfg)
		if cfg.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Buckets are apart, and a collection keeps its documents when others come and go.
func TestBucketsAndCollections(t *testing.T) {
	cfg := settings(t.TempDir())
	for round, collections := range []map[string][]string{
		{"app": {"docs"}}, {"app": {"a", "docs", "z"}, "aaa": {"first"}}, {"app": {"docs"}},
	} {
		cfg.Buckets = []couchbase.Bucket{{Name: "default", Collections: collections}, {Name: "second", Collections: collections}}
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			node := couchbasetest.Start(t, func(c *couchbase.Config) { *c = cfg })
			col := connect(t, node).Scope("app").Collection("docs")
			if round == 0 {
				if _, err := col.Insert("k", "kept", nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := col.Get("k", nil); err != nil {
				t.Error(err)
			}
			for name, want := range map[string]int{"default": 1, "second": 0} {
				if n, err := node.Count(name); err != nil || n != want {
					t.Errorf("%s has %d documents, %v", name, n, err)
				}
			}
		})
	}
}

// Who does not speak the protocol, or wants much memory before it has
// authenticated, is hung up on; others are served on. HTTP without a password is
// told so.
func TestStrangers(t *testing.T) {
	node := couchbasetest.Start(t)
	large := append([]byte{0x80, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0}, make([]byte, 12)...)
	cutOff := append([]byte{0x80, 0x1f, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 13)...) // a key longer than the body
	for name, hello := range map[string][]byte{"verse": []byte("shall I compare thee to a summer's day"), "large": large, "cut off": cutOff} {
		conn, err := net.Dial("tcp", node.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(hello); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if n, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("%s: read %d bytes, %v", name, n, err)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + node.Addr() + "/pools/default")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("http: %s, %v", resp.Status, err)
	}
	connect(t, node)
}

// A node that is stopped under load has answered with what it keeps.
func TestStopUnderLoad(t *testing.T) {
	dir := t.TempDir()
	address, stop := startStoppable(t, dir)
	col := connectTo(t, "couchbase://"+address).DefaultCollection()
	var acknowledged sync.Map
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprint(w, "-", i)
				if _, err := col.Upsert(key, i, &gocb.UpsertOptions{Timeout: time.Second, RetryStrategy: failFast{}}); err != nil {
					return
				}
				acknowledged.Store(key, true)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %v", took)
	}
	writers.Wait()
	again := connect(t, couchbasetest.Start(t, func(c *couchbase.Config) { c.Dir = dir })).DefaultCollection()
	acknowledged.Range(func(key, _ any) bool {
		if _, err := again.Get(key.(string), nil); err != nil {
			t.Errorf("%s was acknowledged: %v", key, err)
		}
		return !t.Failed()
	})
}
