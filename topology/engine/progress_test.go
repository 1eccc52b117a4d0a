package engine

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A recovery says where it is, again and again.
func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry, "g")
	if err != nil {
		t.Fatal(err)
	}
	p := &progress{start: time.Now().Add(-10 * time.Second)}
	p.total.Store(40_000)
	ctx, cancel := context.WithCancel(context.Background())
	ticks := 0
	log := slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		if ticks++; ticks == 2 {
			cancel()
		}
		p.records.Store(9_000)
		p.passed.Store(10_000)
		return out.Write(b)
	}), nil))
	p.tell(ctx, time.Millisecond, log, m)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) < 2 {
		t.Fatalf("%q", lines)
	}
	if strings.Contains(lines[0], "estimated_left") || !strings.Contains(lines[0], "remaining=40000") {
		t.Errorf("nothing is read yet: %s", lines[0])
	}
	for _, text := range []string{"records=9000", "records_per_second=8", "remaining=30000", "estimated_left=3"} {
		if !strings.Contains(lines[1], text) {
			t.Errorf("%s lacks %s", lines[1], text)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch v := f.GetMetric()[0].GetGauge().GetValue(); f.GetName() {
		case "customer360_engine_recovery_remaining_records":
			if v != 30_000 {
				t.Errorf("%v remain", v)
			}
		case "customer360_engine_recovery_records_per_second":
			if v <= 0 || v > 900 {
				t.Errorf("%v a second", v)
			}
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
