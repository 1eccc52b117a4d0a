// Package couchbasetest gives other packages' tests an embedded Couchbase node.
//
// With goleak: goleveldb ends one goroutine of its own a second after it is
// closed. Ignore "github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain".
package couchbasetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"customer360/internal/freeport"
	"customer360/internal/local/couchbase"
)

// Username and Password are those of every node that Start makes.
const (
	Username = "Administrator"
	Password = "password"
)

// Start runs a node with the bucket "default" (and its collection app.docs) on a
// free port, in a folder of the test's own. The test's end stops it and waits for
// it. opts change the configuration before.
func Start(t testing.TB, opts ...func(*couchbase.Config)) *couchbase.Node {
	t.Helper()
	cfg := couchbase.DefaultConfig()
	cfg.Dir = t.TempDir()
	cfg.Username, cfg.Password = Username, Password
	cfg.Buckets = []couchbase.Bucket{{Name: "default", Collections: map[string][]string{"app": {"docs"}}}}
	for _, o := range opts {
		o(&cfg)
	}
	node, stop := Run(t, cfg)
	t.Cleanup(stop)
	return node
}

// Run runs a node until stop is called, which waits for its end. The test fails
// where the node does not start, or ends with an error.
func Run(t testing.TB, cfg couchbase.Config) (node *couchbase.Node, stop func()) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	node, err := couchbase.New(cfg, couchbase.Deps{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return node, Serve(t, node)
}

// Serve is Run of a node that was made already.
func Serve(t testing.TB, node *couchbase.Node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	select {
	case <-node.Ready():
	case err := <-ended:
		cancel()
		t.Fatalf("the Couchbase node did not start: %v", err)
	}
	return func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the Couchbase node ended with: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the Couchbase node did not end")
		}
	}
}

// FreeAddress is one of 127.0.0.1 where nobody listens, so that a node can, also
// after a restart.
func FreeAddress(t testing.TB) string {
	t.Helper()
	ports, err := freeport.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	return freeport.Local(ports[0])
}
