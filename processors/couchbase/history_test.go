package couchbase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

func count(t *testing.T, m *meter) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.failovers.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue()
}

func TestHistories(t *testing.T) {
	m, err := newMeter(nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	h := &histories{log: slog.New(slog.NewTextHandler(&log, nil)), meter: m}
	for _, c := range []struct {
		vbucket     uint16
		uuid, seqno uint64
		failovers   float64
	}{
		{1, 10, 5, 0}, {1, 10, 7, 0}, {1, 10, 6, 0}, {2, 20, 1, 0},
		{1, 11, 7, 1}, // another history, behind the old one
		{1, 10, 8, 1}, // an old answer, late
		{1, 11, 8, 1}, {2, 21, 2, 2}, {1, 12, 9, 3},
		{5000, 1, 1, 3}, {1, 0, 1, 3},
	} {
		h.saw(c.vbucket, c.uuid, c.seqno)
		if got := count(t, m); got != c.failovers {
			t.Errorf("after %+v: %v failovers", c, got)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "writes are lost") {
		t.Errorf("logged %d lines: %s", n, log.String())
	}
}

// A failover without durability loses what it loses, and it is said; a later
// message of the key heals it. With durability nothing that was acknowledged is lost.
func TestFailover(t *testing.T) {
	for _, durability := range []string{"none", "majority"} {
		t.Run(durability, func(t *testing.T) {
			node := couchbasetest.Start(t, func(c *couchbase.Config) {
				c.Buckets, c.FailoverHistory = []couchbase.Bucket{{Name: "customer360"}}, 1000
			})
			cfg := nodeConfig(node)
			cfg.Durability = durability
			client := connect(t, cfg)
			col, l := open(t, client, cfg.Documents), newLedger()
			w := startWriter(t, cfg, col, l)
			var mu sync.Mutex
			var log bytes.Buffer
			h := &histories{log: slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				return log.Write(b)
			}), nil)), meter: w.meter, target: cfg.Documents, safe: col.durability != 0}
			col.acknowledged = h.saw
			const keys, lost = 50, 20
			write := func(version int) {
				for i := range keys {
					w.submit(l.message(fmt.Sprint("k", i), int64(version*keys+i+1), fmt.Sprintf(`{"v":%d}`, version)))
				}
				settled(t, l)
			}
			write(1)
			gone, err := node.Failover("customer360", lost)
			if err != nil {
				t.Fatal(err)
			}
			missing := 0
			for i := range keys {
				if seen(t, client, cfg.Documents, fmt.Sprint("k", i)) == "" {
					missing++
				}
			}
			if want := map[string]int{"none": lost, "majority": 0}[durability]; gone != want || missing != want {
				t.Errorf("%d acknowledged writes gone, %d documents missing; want %d", gone, missing, want)
			}
			write(2)
			for i := range keys {
				if got := seen(t, client, cfg.Documents, fmt.Sprint("k", i)); got != `{"v":2}` {
					t.Errorf("k%d is %q after the next message", i, got)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if n := count(t, w.meter); n == 0 || !strings.Contains(log.String(), "failed over") ||
				strings.Contains(log.String(), "WARN") != (durability == "none") {
				t.Errorf("%v failovers counted, the log says: %s", n, log.String())
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// seen is a document's body, "" where there is none; the connection may be one
// that the node has closed.
func seen(t testing.TB, c *Client, target Target, key string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		body, _, err := c.Get(context.Background(), target, key)
		if err == nil || errors.Is(err, ErrNotFound) {
			return string(body)
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
