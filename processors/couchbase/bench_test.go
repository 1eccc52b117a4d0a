package couchbase

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/couchbase/gocb/v2"
)

// One iteration is one document of 500 bytes, 64 workers, client and node in
// one process. docs/s is what to compare.
func BenchmarkWrites(b *testing.B) {
	body := []byte(`{"type":"user","profile":{"name":"` + strings.Repeat("x", 300) + `","email":"somebody@example.com","loyaltyPoints":"123"},` +
		`"xrefs":[{"external_system":"home_delivery","external_ID":1029},{"external_system":"loyalty","external_ID":"27","pass":"` + strings.Repeat("y", 20) + `"}]}`)
	for _, pool := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("pool=%d/plain-upsert", pool), func(b *testing.B) { benchPlain(b, pool, body) })
		for _, c := range []struct {
			name, mode   string
			rounds, skip int // versions of each key; the first skip are not measured
			cache        int
			bodies       func(round int) []byte
		}{
			{"first-insert", FirstInsert, 1, 0, 1 << 20, nil},
			{"first-reserve", FirstReserve, 1, 0, 1 << 20, nil},
			{"again-cached", FirstInsert, 2, 1, 1 << 20, nil},
			{"again-looked-up", FirstInsert, 2, 1, 0, nil},
			{"removal-cached", FirstInsert, 2, 1, 1 << 20, func(round int) []byte {
				if round == 1 {
					return nil
				}
				return body
			}},
			{"over-tombstone", FirstInsert, 2, 1, 0, func(round int) []byte {
				if round == 0 {
					return nil
				}
				return body
			}},
		} {
			if pool != 2 && c.name != "first-insert" && c.name != "again-cached" {
				continue
			}
			b.Run(fmt.Sprintf("pool=%d/%s", pool, c.name), func(b *testing.B) {
				cfg := benchConfig(b, pool)
				cfg.FirstWrite, cfg.CacheEntries, cfg.CacheBytes = c.mode, c.cache, 1<<30
				client := connect(b, cfg)
				w := startWriter(b, cfg, open(b, client, cfg.Documents), newLedger())
				b.ReportAllocs()
				for round := range c.rounds {
					if round == c.skip {
						b.ResetTimer()
					}
					content := body
					if c.bodies != nil {
						content = c.bodies(round)
					}
					write(w, b.N, int64(round+1), content)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "docs/s")
			})
		}
	}
}

func benchConfig(b *testing.B, pool int) Config {
	cfg := nodeConfig(startNode(b))
	cfg.Workers, cfg.KVPoolSize, cfg.Timeout = 64, pool, DefaultConfig().Timeout
	return cfg
}

// write brings n keys to the version and waits; as many are under way as the
// engine would let.
func write(w *writer, n int, version int64, body []byte) {
	var left sync.WaitGroup
	room := make(chan struct{}, 4096)
	delivery := newDelivery()
	for i := range n {
		left.Add(1)
		room <- struct{}{}
		w.submit(&message{key: fmt.Sprint("customer-", i, "@example.com"), mutation: mutation{fence: Fence{1, version}, body: body},
			delivery: delivery, done: func(error) { <-room; left.Done() }})
	}
	left.Wait()
}

func benchPlain(b *testing.B, pool int, body []byte) {
	cfg := benchConfig(b, pool)
	client := connect(b, cfg)
	bucket, err := client.bucket(context.Background(), cfg.Documents)
	if err != nil {
		b.Fatal(err)
	}
	col := bucket.DefaultCollection()
	var next atomic.Int64
	var workers sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range 64 {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if _, err := col.Upsert(fmt.Sprint("customer-", i, "@example.com"), body, &gocb.UpsertOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	workers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "docs/s")
}
