package couchbase_test

import (
	"context"
	"testing"

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
func startStoppable(t testing.TB, dir string) (address string, stop func()) {
	t.Helper()
	node, err := couchbase.New(settings(dir), couchbase.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	select {
	case <-node.Ready():
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	return node.Addr(), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
