package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/engine"
)

// series are the metrics of a registry by name and labels but the group's; of
// histograms the number of observations.
func series(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "customer360_engine_")
			for _, l := range m.GetLabel() {
				if l.GetName() != "group" {
					name += "/" + l.GetValue()
				}
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// Every metric moves with what it is about. Those of recovery: TestRecovery.
func TestMetricsMove(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const keys = 50
	var fail atomic.Bool
	var hold atomic.Pointer[chan struct{}]
	graph := jobGraph(func(ctx goka.Context) {
		if h := hold.Load(); h != nil {
			<-*h
		}
		if fail.CompareAndSwap(true, false) {
			ctx.SetValue(&jobState{Count: -1})
			ctx.Emit(jobOut, ctx.Key(), []byte("-1"))
			ctx.Fail(errors.New("the test fails a callback"))
		}
	})
	generate(t, b.Addr, 0, 1000, keys, 0)
	w := startWatched(t, jobConfig(b.Addr, dir, "a"), graph, engine.Deps{}, engine.Hooks{})
	var now map[string]float64
	await := func(what string, ok func() bool) {
		t.Helper()
		eventually(t, 30*time.Second, func() bool { now = series(t, w.registry); return ok() }, func() string { return fmt.Sprint(what, ": ", now) })
	}
	age := func() time.Duration {
		return time.Since(time.UnixMilli(int64(now["last_commit_timestamp_seconds"] * 1000)))
	}
	await("calm", func() bool {
		return now["ready"] == 1 && now["records_in_total"] >= 1000 && now["records_out_total"] >= 2000 && now["lag_records"] == 0
	})
	for _, name := range []string{"transactions_total/committed", "transaction_seconds", "commit_pause_seconds", "state_bytes"} {
		if now[name] <= 0 {
			t.Errorf("%s is %v", name, now[name])
		}
	}
	for _, name := range []string{"transactions_total/aborted", "transactions_total/fenced", "rebuilds_total", "lag_records"} {
		if _, ok := now[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	base := now // a busy machine may have cost it a membership already
	await("caught up with in each partition", func() bool {
		for p := range jobParts {
			if v, ok := now[fmt.Sprintf("partition_lag_records/%d/%s", p, jobIn)]; !ok || v != 0 {
				return false
			}
		}
		return true
	})
	await("idle", func() bool { return age() < 5*time.Second }) // nothing is left to commit

	fail.Store(true)
	generate(t, b.Addr, 1000, 1000, keys, 0)
	await("a callback that failed", func() bool {
		return now["transactions_total/aborted"] > base["transactions_total/aborted"] && now["rebuilds_total"] > base["rebuilds_total"]
	})
	await("calm again", func() bool { return now["ready"] == 1 && now["lag_records"] == 0 })
	base = now
	var evicted time.Time
	await("taken out of its group", func() bool {
		if time.Since(evicted) > 5*time.Second { // it does nothing while the group is in a rebalance
			evict(t, b, "a")
			evicted = time.Now()
		}
		return now["transactions_total/fenced"] > base["transactions_total/fenced"]
	})
	await("calm again", func() bool { return now["ready"] == 1 && now["lag_records"] == 0 && age() < 5*time.Second })

	held := make(chan struct{})
	hold.Store(&held)
	generate(t, b.Addr, 2000, 1000, keys, 0)
	await("callbacks that stand still", func() bool {
		return now["lag_records"] > 900 && now[fmt.Sprintf("partition_lag_records/%d/%s", 0, jobIn)] > 0 && age() > 5*time.Second
	})
	hold.Store(nil)
	close(held)
	conclude(t, b, dir, 3000, keys, w.running)
	for name := range series(t, w.registry) {
		if strings.HasPrefix(name, "partition_lag") {
			t.Errorf("%s is told by who owns nothing", name)
		}
	}
}
