package couchbase

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// TestKeys: every document of the target and no other, also while the node
// fails; an error of the caller's ends it.
func TestKeys(t *testing.T) {
	node := startNode(t)
	client := connect(t, nodeConfig(node))
	for _, target := range []Target{{Bucket: "customer360"}, {"customer360", "app", "docs"}} {
		a, err := client.Audit(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for i := range 500 {
			key := fmt.Sprintf("k%d@%s", i, target)
			want[key] = true
			if _, err := a.Mend(context.Background(), key, Fence{1, 1}, []byte(`{}`), func(f Found) bool { return !f.Live || f.Fence != Fence{1, 1} }); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]bool{}
		how, err := a.Keys(context.Background(), func(key string) error {
			got[key] = true
			return nil
		})
		if err != nil || how != ByRangeScan || len(got) != len(want) {
			t.Errorf("%s: %d keys by %s, %v; want %d", target, len(got), how, err, len(want))
		}
		for key := range got {
			if !want[key] {
				t.Errorf("%s: there is a key %q", target, key)
			}
		}
		stop := errors.New("stop")
		if _, err := a.Keys(context.Background(), func(string) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("it ended with %v", err)
		}
	}
}

// TestKeysWithoutScans: a server without range scans and without the query
// service says so, at once.
func TestKeysWithoutScans(t *testing.T) {
	node := couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Buckets, c.Before76 = []couchbase.Bucket{{Name: "customer360"}}, true
	})
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := client.Audit(ctx, cfg.Documents)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Keys(ctx, func(string) error { return nil })
	if !errors.Is(err, ErrNoScan) || !strings.Contains(err.Error(), "7.6") || strings.Contains(err.Error(), couchbasetest.Password) {
		t.Errorf("it ended with %v", err)
	}
	t.Log(err)
}

// TestMend: over any fence that is wrong, under the exact bytes; what a sink wrote
// meanwhile stays; faults do no harm.
func TestMend(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	cfg.Timeout = 150 * time.Millisecond
	client := connect(t, cfg)
	a, err := client.Audit(context.Background(), cfg.Documents)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	bring := func(key string, f Fence, body []byte) (Mended, error) {
		return a.Mend(ctx, key, f, body, func(found Found) bool {
			return found.Live != (body != nil) || !found.Fenced || found.Fence != f || string(found.Body) != string(body)
		})
	}
	for name, fault := range map[string]*couchbase.Fault{"calm": nil, "temporary": {Kind: couchbase.FaultTemporary, Rate: 0.3},
		"no answer": {Kind: couchbase.FaultTimeoutAfter, Rate: 0.2}, "hung up": {Kind: couchbase.FaultCloseAfter, Rate: 0.2}} {
		t.Run(name, func(t *testing.T) {
			if fault != nil {
				node.SetFaults(*fault)
				defer node.SetFaults()
			}
			for i, step := range []struct {
				f    Fence
				body string
				want Mended
			}{
				{Fence{1, 5}, `{"a" : 1}`, MendedWritten},
				{Fence{1, 5}, `{"a" : 1}`, MendedNothing},
				{Fence{1, 5}, `{"a" : 2}`, MendedWritten}, // the same fence
				{Fence{1, 3}, `{"a" : 3}`, MendedWritten}, // an older one
				{Fence{1, 3}, "", MendedRemoved},
				{Fence{1, 3}, `{"b":1, "a":2}`, MendedWritten}, // over a tombstone of the same fence
				{Fence{1, 9}, "", MendedRemoved},
				{Fence{1, 2}, "", MendedRemoved}, // a tombstone's fence
				{Fence{2, 0}, `3`, MendedWritten},
			} {
				var body []byte
				if step.body != "" {
					body = []byte(step.body)
				}
				if got, err := bring(name, step.f, body); err != nil || got != step.want {
					t.Errorf("step %d: %v, %v", i, got, err)
				}
			}
			node.SetFaults()
			is2(t, client, a.col, name, "3", Fence{2, 0})
		})
	}
}
