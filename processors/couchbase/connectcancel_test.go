package couchbase

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

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
			if err := waitUntilReady(ctx, b, time.Minute); err != nil && !errors.Is(err, context.Canceled) {
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
