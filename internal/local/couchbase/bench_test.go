package couchbase_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase/couchbasetest"
)

// BenchmarkGocb is 64 workers on one gocb connection, documents of 500 bytes:
// the goal is 20,000 upserts a second on two cores, client included.
func BenchmarkGocb(b *testing.B) {
	doc := fields{"s": strings.Repeat("x", 480)}
	for name, do := range map[string]func(col *gocb.Collection, key string) error{
		"upsert": func(col *gocb.Collection, key string) error { _, err := col.Upsert(key, doc, nil); return err },
		"fenced": func(col *gocb.Collection, key string) error {
			_, err := col.MutateIn(key, []gocb.MutateInSpec{fenceSpec(1), gocb.ReplaceSpec("", doc, nil)}, &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsUpsert})
			return err
		},
		"get": func(col *gocb.Collection, key string) error { _, err := col.Exists(key, nil); return err },
	} {
		b.Run(name, func(b *testing.B) {
			col := connect(b, couchbasetest.Start(b)).Scope("app").Collection("docs")
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			var workers sync.WaitGroup
			for range 64 {
				workers.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := do(col, fmt.Sprint("customer:", i)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			workers.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
