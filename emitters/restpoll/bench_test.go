package restpoll

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkFirstAnswers takes b.N customers from their documents to their
// answers, half of them known to the store: one and a half requests each, over
// real connections and an embedded broker in the same process.
//
//	go test -run - -bench FirstAnswers -benchtime 100000x ./emitters/restpoll
func BenchmarkFirstAnswers(b *testing.B) {
	w := newWorld(b)
	keys := make([]string, b.N)
	for i := range keys {
		keys[i] = fmt.Sprintf("customer.%06d@example.com", i)
		if i%2 == 0 {
			w.store.set(keys[i], orders1)
		}
	}
	p, stop := w.start("one", func(cfg *Config, _ *Deps) { cfg.Concurrency = 32 })
	w.until("ready", func() bool { return p.Ready() && p.Status().Partitions == 4 })
	b.ReportAllocs()
	b.ResetTimer()
	start := time.Now()
	w.documents([]byte(`{"type":"user"}`), keys...)
	for s := p.Status(); s.Answered < b.N; s = p.Status() {
		if time.Since(start) > 5*time.Minute {
			b.Fatalf("%+v", s)
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.ReportMetric(float64(p.Status().Requests)/time.Since(start).Seconds(), "requests/s")
	b.StopTimer()
	stop()
}
