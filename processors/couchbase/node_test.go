package couchbase

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// startNode has the product's buckets, and a named collection.
func startNode(t testing.TB) *couchbase.Node {
	t.Helper()
	return startNodeOf(t, false)
}

// startNodeOf starts one of today, or of before 7.6.
func startNodeOf(t testing.TB, before76 bool) *couchbase.Node {
	t.Helper()
	return couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Before76 = before76
		c.Buckets = []couchbase.Bucket{{Name: "customer360", Collections: map[string][]string{"app": {"docs"}}}, {Name: "staging"}, {Name: "customer360_metadata"}}
	})
}

func nodeConfig(n *couchbase.Node) Config {
	c := testConfig()
	c.ConnectionString, c.Username, c.Password = n.ConnectionString(), couchbasetest.Username, couchbasetest.Password
	return c
}

func connect(t testing.TB, cfg Config) *Client {
	t.Helper()
	client, err := Connect(context.Background(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func open(t testing.TB, c *Client, target Target) *collection {
	t.Helper()
	col, err := c.collection(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	return col
}

// is2 looks at a document, its fence and whether it is there.
func is2(t testing.TB, c *Client, col *collection, key, body string, fence Fence) {
	t.Helper()
	got, _, err := c.Get(context.Background(), col.target, key)
	if body == "" {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is there: %s, %v", key, got, err)
		}
	} else if err != nil || string(got) != body {
		t.Errorf("%s is %.100s, %v; want %.100s", key, got, err, body)
	}
	if f, ok, err := c.Fence(context.Background(), col.target, key); err != nil || !ok || f != fence {
		t.Errorf("the fence of %s is %v, %v, %v; want %v", key, f, ok, err, fence)
	}
}

// TestSteps walks a key through everything that can happen to it.
func TestSteps(t *testing.T) { testSteps(t, startNode(t)) }

// TestStepsBefore76: such a server refuses the first revive, and takes another form.
func TestStepsBefore76(t *testing.T) {
	node := startNodeOf(t, true)
	cfg := nodeConfig(node)
	if err := probe(t.Context(), open(t, connect(t, cfg), cfg.Documents), cfg.Documents, cfg, testLog()); err != nil {
		t.Fatal(err)
	}
	testSteps(t, node)
}

func testSteps(t *testing.T, node *couchbase.Node) {
	for _, mode := range []string{FirstInsert, FirstReserve} {
		for _, target := range []Target{{Bucket: "customer360"}, {"customer360", "app", "docs"}} {
			for _, durability := range []string{"none", "majority"} {
				t.Run(mode+target.String()+durability, func(t *testing.T) {
					cfg := nodeConfig(node)
					cfg.FirstWrite, cfg.Durability = mode, durability
					client := connect(t, cfg)
					col, l := open(t, client, target), newLedger()
					w := startWriter(t, cfg, col, l)
					for i, body := range []string{`{"n":1}`, `{"n":1}`, "", "", `{"z" : 1.10, "a":[12345678901234567890, {"y":1,"b":2}]}`, `"` + strings.Repeat("x", 3<<20) + `"`, "", `"` + strings.Repeat("y", 3<<20) + `"`, `3`} {
						w.submit(l.message(mode+durability, int64(i+1), body))
						settled(t, l)
						is2(t, client, col, mode+durability, body, Fence{1, int64(i + 1)})
					}
					w.submit(l.message("never "+mode+durability, 7, ""))
					settled(t, l)
					is2(t, client, col, "never "+mode+durability, "", Fence{1, 7})
					for _, late := range []string{`"late"`, ""} {
						w.submit(l.message(mode+durability, 2, late))
						w.submit(l.message("never "+mode+durability, 2, late))
					}
					settled(t, l)
					is2(t, client, col, mode+durability, `3`, Fence{1, 9})
					is2(t, client, col, "never "+mode+durability, "", Fence{1, 7})
				})
			}
		}
	}
}

// Whatever an operation dies of, the outcome is one write with its exact fence.
func TestFaults(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	cfg.Timeout = 150 * time.Millisecond
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	for name, kind := range map[string]couchbase.FaultKind{
		"temporary": couchbase.FaultTemporary, "busy": couchbase.FaultBusy, "out of memory": couchbase.FaultOutOfMemory,
		"ambiguous timeout, not applied": couchbase.FaultTimeoutBefore, "ambiguous timeout, applied": couchbase.FaultTimeoutAfter,
		"not my vbucket": couchbase.FaultNotMyVBucket, "locked": couchbase.FaultLocked,
		"socket closed, not applied": couchbase.FaultCloseBefore, "socket closed, applied": couchbase.FaultCloseAfter,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			w := startWriter(t, cfg, col, l)
			for i, body := range []string{`1`, `2`, "", "", `5`} {
				m := l.message(name, int64(i+1), body)
				hits := node.FaultHits()
				node.SetFaults(couchbase.Fault{Kind: kind, Rate: 1, Times: 1, Opcodes: []memd.CmdCode{memd.CmdSubDocMultiMutation}})
				w.submit(m)
				settled(t, l)
				if node.FaultHits() == hits {
					t.Error("the fault did not strike")
				}
				is2(t, client, col, name, body, Fence{1, int64(i + 1)})
				if err := l.of(m); len(err) != 1 || err[0] != nil {
					t.Errorf("done with %v", err)
				}
			}
			never := l.message(name+" never", 9, "")
			node.SetFaults(couchbase.Fault{Kind: kind, Rate: 1, Times: 2})
			w.submit(never)
			settled(t, l)
			is2(t, client, col, name+" never", "", Fence{1, 9})
			if resent := kind == couchbase.FaultNotMyVBucket; (w.meter.retries.Load() == 0) != resent || len(l.refused) > 0 { // the SDK sends it again
				t.Errorf("%d retries, refused %v", w.meter.retries.Load(), l.refused)
			}
		})
	}
}

// Of many sinks that write a tombstone's key at once the newest fence is left,
// whichever came first.
func TestReviveRace(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	const writers, keys = 8, 20
	var done sync.WaitGroup
	for i := range writers {
		l := newLedger()
		w := startWriter(t, cfg, col, l)
		if i == 0 {
			for k := range keys {
				w.submit(l.message(fmt.Sprint("k", k), 1, ""))
			}
			settled(t, l)
		}
		for k := range keys {
			w.submit(l.message(fmt.Sprint("k", k), int64(10+(i+k)%writers), fmt.Sprint((i+k)%writers)))
		}
		done.Go(func() {
			for end := time.Now().Add(10 * time.Second); !l.all() && time.Now().Before(end); time.Sleep(time.Millisecond) {
			}
		})
	}
	done.Wait()
	for k := range keys {
		is2(t, client, col, fmt.Sprint("k", k), fmt.Sprint(writers-1), Fence{1, 10 + writers - 1})
	}
}

func TestRefusedByTheNode(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	cfg.Timeout = 2 * time.Second
	client := connect(t, cfg)
	l := newLedger()
	w := startWriter(t, cfg, open(t, client, cfg.Documents), l)
	w.submit(l.message("large", 1, `"`+strings.Repeat("x", 21<<20)+`"`))
	w.submit(l.message(strings.Repeat("k", 251), 1, `1`))
	settled(t, l)
	if len(l.refused) != 2 || !strings.Contains(l.refused["large@1"], "too large") {
		t.Errorf("refused: %v", l.refused)
	}
}

func TestForeignOnANode(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := nodeConfig(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		bucket, err := client.bucket(context.Background(), cfg.Documents)
		if err != nil {
			t.Fatal(err)
		}
		key := "foreign " + mode
		if _, err := bucket.DefaultCollection().Upsert(key, []byte(`"theirs"`), nil); err != nil {
			t.Fatal(err)
		}
		l := newLedger()
		w := startWriter(t, cfg, open(t, client, cfg.Documents), l)
		w.submit(l.message(key, 5, `"ours"`))
		settled(t, l)
		want := map[string]string{Overwrite: `"ours"`, Keep: `"theirs"`}[mode]
		if got, _, err := client.Get(context.Background(), cfg.Documents, key); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", mode, got, err)
		}
		// Somebody's plain write keeps the fence, so it is ours to overwrite; after
		// their plain delete the fence is still on the tombstone.
		if _, err := bucket.DefaultCollection().Remove(key, nil); err != nil {
			t.Fatal(err)
		}
		w.submit(l.message(key, 4, `"older"`))
		w.submit(l.message(key, 9, `"newer"`))
		settled(t, l)
		is2(t, client, open(t, client, cfg.Documents), key, `"newer"`, Fence{1, 9})
	}
}

func TestExpiry(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	l := newLedger()
	w := startWriter(t, cfg, open(t, client, cfg.Staging), l)
	end := time.Now().Add(90_000 * time.Second).Truncate(time.Second)
	for i, body := range []string{`1`, `2`, "", `3`} {
		m := l.message("k", int64(i+1), body)
		if body != "" {
			m.expiry = uint32(end.Unix())
		}
		w.submit(m)
		settled(t, l)
		if body == "" {
			continue
		}
		bucket, _ := client.bucket(context.Background(), cfg.Staging)
		r, err := bucket.DefaultCollection().Get("k", &gocb.GetOptions{WithExpiry: true})
		if err != nil || !r.ExpiryTime().Equal(end) {
			t.Errorf("%s expires at %v, %v; want %v", body, r.ExpiryTime(), err, end)
		}
	}
}
