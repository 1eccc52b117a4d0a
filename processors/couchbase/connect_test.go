package couchbase

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
)

// Errors at the start name the address and what to do, at once where waiting
// does not help, and never hold the password.
func TestConnectErrors(t *testing.T) {
	node := startNode(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	nobody.Close()
	for name, c := range map[string]struct {
		change func(*Config)
		limit  time.Duration
		want   []string
		is     error
	}{
		"password": {func(c *Config) { c.Password = "not-the-secret" }, 3 * time.Second, []string{"password", node.Addr(), `user "Administrator"`}, gocb.ErrAuthenticationFailure},
		"user":     {func(c *Config) { c.Username, c.Password = "nobody", "not-the-secret" }, 3 * time.Second, []string{`user "nobody"`, node.Addr()}, gocb.ErrAuthenticationFailure},
		"bucket":   {func(c *Config) { c.Documents.Bucket = "nowhere" }, 3 * time.Second, []string{"nowhere", "does not exist", node.Addr()}, nil},
		"collection": {func(c *Config) { c.Documents = Target{"customer360", "app", "nowhere"} }, 5 * time.Second,
			[]string{"customer360.app.nowhere", "collection does not exist", node.Addr()}, nil},
		"scope":   {func(c *Config) { c.Documents = Target{"customer360", "nowhere", "docs"} }, 5 * time.Second, []string{"customer360.nowhere.docs", "create it"}, nil},
		"address": {func(c *Config) { c.ConnectionString = "couchbase://" + address; c.ConnectTimeout = time.Second }, 4 * time.Second, []string{address, "is the server up"}, gocb.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := nodeConfig(node)
			c.change(&cfg)
			start := time.Now()
			client, err := Connect(t.Context(), cfg, testLog())
			if err == nil {
				defer client.Close()
				var col *collection
				if col, err = client.collection(t.Context(), cfg.Documents); err == nil {
					err = probe(t.Context(), col, cfg.Documents, cfg, testLog())
				}
			}
			if err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("the error is %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "not-the-secret") {
				t.Errorf("the password is in: %v", err)
			}
			if d := time.Since(start); d > 6*c.limit { // an idle machine needs less than the limit
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectionString, cfg.ConnectTimeout = "couchbase://127.0.0.1:1", time.Minute
	ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	start := time.Now()
	if _, err := Connect(ctx, cfg, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if d := time.Since(start); d > 25*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestConnectEndsWhenTheNodeAnswers: the context may end in the very moment in which
// the node answers. The SDK (2.11.1) waits for itself for ever then, if it has the
// context.
func TestConnectEndsWhenTheNodeAnswers(t *testing.T) {
	t.Parallel()
	cfg := nodeConfig(startNode(t))
	b := connect(t, cfg).cluster.Bucket(cfg.Documents.Bucket)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 1000 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				runtime.Gosched()
				cancel()
			}()
			if err := WaitUntilReady(ctx, b, time.Minute); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			cancel()
		}
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}

// The probe leaves a tombstone, whatever it found, also when many start at once.
func TestProbe(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	ended := make(chan error)
	const starts = 8
	for range starts {
		go func() { ended <- probe(context.Background(), col, cfg.Documents, cfg, testLog()) }()
	}
	for range starts {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	s, err := col.lookup(context.Background(), probeKey)
	if err != nil || s.presence != tombstone || s.fence.Offset < 4 {
		t.Errorf("left: %+v, %v", s, err)
	}
	if n, err := node.Count("customer360"); err != nil || n != 0 {
		t.Errorf("%d documents, %v", n, err)
	}
}

func TestGet(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	if _, _, err := client.Get(t.Context(), cfg.Documents, "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, _, err := client.Get(t.Context(), Target{Bucket: "nowhere"}, "k"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("nowhere: %v", err)
	}
	l := newLedger()
	w := startWriter(t, cfg, open(t, client, cfg.Documents), l)
	w.submit(l.message("k", 1, `{"a": 1.0}`))
	settled(t, l)
	if body, cas, err := client.Get(t.Context(), cfg.Documents, "k"); err != nil || string(body) != `{"a": 1.0}` || cas == 0 {
		t.Errorf("%s, %d, %v", body, cas, err)
	}
	if _, ok, err := client.Fence(t.Context(), cfg.Documents, "nobody"); ok || err != nil {
		t.Errorf("the fence of nobody: %v, %v", ok, err)
	}
}

func TestValidate(t *testing.T) {
	good := testConfig()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"connection string": func(c *Config) { c.ConnectionString = "127.0.0.1" },
		"neither a user":    func(c *Config) { c.Username = "" },
		"both a user":       func(c *Config) { c.CertificatePath, c.KeyPath = "a", "b" },
		"needs both the":    func(c *Config) { c.CertificatePath, c.Username = "a", "" },
		"documents has no":  func(c *Config) { c.Documents.Bucket = "" },
		"scope and":         func(c *Config) { c.Staging.Scope = "app" },
		"durability":        func(c *Config) { c.Durability = "some" },
		"workers":           func(c *Config) { c.Workers = 0 },
		"kv_pool_size":      func(c *Config) { c.KVPoolSize = 5000 },
		"timeout":           func(c *Config) { c.Timeout = 0 },
		"max age":           func(c *Config) { c.MaxAge = 72 * time.Hour },
		"foreign":           func(c *Config) { c.Foreign = "merge" },
		"first write":       func(c *Config) { c.FirstWrite = "upsert" },
		"cache":             func(c *Config) { c.CacheBytes = -1 },
		"expiries":          func(c *Config) { c.LoyaltyExpiry = -1 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	secret := good
	secret.ConnectionString = "http://user:secret@host?password=secret"
	if err := secret.Validate(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestCertificateFiles(t *testing.T) {
	cfg := testConfig()
	cfg.CAPath = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := Connect(t.Context(), cfg, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(cfg.CAPath, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Connect(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file that holds none: %v", err)
	}
	cfg.Username, cfg.CertificatePath, cfg.KeyPath = "", cfg.CAPath, cfg.CAPath
	if _, err := Connect(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "client certificate") {
		t.Errorf("a client certificate that is none: %v", err)
	}
}
