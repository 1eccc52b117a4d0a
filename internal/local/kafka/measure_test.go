package kafka

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestMeasure prints the figures of the package's report. It runs only when asked.
func TestMeasure(t *testing.T) {
	if os.Getenv("KAFKA_MEASURE") == "" {
		t.Skip("set KAFKA_MEASURE=1 to measure")
	}
	noise := make([]byte, 8192) // does not compress
	rand.Read(noise)
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprint("sync=", sync), func(t *testing.T) {
			dir := t.TempDir()
			r := run(t, dir, func(c *Config) { c.SyncWrites = sync })
			r.topic(t, "plain", 12, map[string]string{"cleanup.policy": "compact"})
			r.topic(t, "tx", 12, nil)
			ctx := context.Background()
			client := r.client(t, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DefaultProduceTopic("plain"), kgo.ProducerLinger(5*time.Millisecond))
			begin := time.Now()
			const n = 500_000
			for i := range n {
				client.Produce(ctx, &kgo.Record{Key: fmt.Append(nil, i%100_000), Value: noise[i%4096 : i%4096+500]}, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
			if err := client.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			t.Logf("produce: %d records of 500 B in %v: %.0f/s", n, took, n/took.Seconds())

			tx := r.client(t, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("tx"))
			var commits []time.Duration
			for range 50 {
				if err := tx.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				var records []*kgo.Record
				for i := range 200 {
					records = append(records, &kgo.Record{Key: fmt.Append(nil, i), Value: noise[i : i+500]})
				}
				if err := tx.ProduceSync(ctx, records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				if err := tx.EndTransaction(ctx, kgo.TryCommit); err != nil {
					t.Fatal(err)
				}
				commits = append(commits, time.Since(begin))
			}
			sort.Slice(commits, func(i, j int) bool { return commits[i] < commits[j] })
			t.Logf("EndTxn over 12 partitions: p50 %v, p90 %v", commits[25], commits[45])
			single := r.client(t, kgo.DefaultProduceTopic("plain"))
			begin = time.Now()
			for i := range 500 {
				if err := single.ProduceSync(ctx, &kgo.Record{Value: noise[i : i+500]}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("one record at a time: %v each", time.Since(begin)/500)
			single.Close()
			client.Close()
			tx.Close()
			begin = time.Now()
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			t.Logf("close: %v", time.Since(begin))
			begin = time.Now()
			again := run(t, dir, func(c *Config) { c.SyncWrites = sync })
			t.Logf("reopen after an end in order: %v", time.Since(begin))
			again.end()
			begin = time.Now()
			freed := cleanNow(t, dir)
			t.Logf("cleaning 500k records of 100k keys: %v, %d MB freed", time.Since(begin), freed>>20)
			removeSnapshots(t, dir)
			begin = time.Now()
			run(t, dir, func(c *Config) { c.SyncWrites = sync })
			t.Logf("reopen as after kill -9: %v", time.Since(begin))
		})
	}
}
