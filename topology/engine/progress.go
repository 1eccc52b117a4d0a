package engine

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// progress of one recovery, over all partitions of a session. Records are those
// of the changelog; offsets also count markers and what compaction has removed,
// so what remains is an estimate.
type progress struct {
	start                  time.Time
	records, passed, total atomic.Int64
}

// progressEvery is how often a recovery says where it is.
const progressEvery = 3 * time.Second

func (p *progress) remaining() int64 { return max(p.total.Load()-p.passed.Load(), 0) }

// rate of records and of offsets, a second, since the start.
func (p *progress) rate() (records, offsets float64) {
	seconds := max(time.Since(p.start).Seconds(), 0.001)
	return float64(p.records.Load()) / seconds, float64(p.passed.Load()) / seconds
}

// left is the estimated time to the end; false: there is nothing to tell it from.
func (p *progress) left() (time.Duration, bool) {
	_, offsets := p.rate()
	if offsets == 0 {
		return 0, false
	}
	return time.Duration(float64(p.remaining()) / offsets * float64(time.Second)).Round(100 * time.Millisecond), true
}

// tell logs until ctx ends, and keeps the metrics.
func (p *progress) tell(ctx context.Context, every time.Duration, log *slog.Logger, m *metrics) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			p.measure(m)
			return
		case <-t.C:
		}
		p.measure(m)
		records, _ := p.rate()
		args := []any{"records", p.records.Load(), "records_per_second", int64(records), "remaining", p.remaining()}
		if left, ok := p.left(); ok {
			args = append(args, "estimated_left", left)
		}
		log.Info("recovering local state from Kafka", args...)
	}
}

func (p *progress) measure(m *metrics) {
	records, _ := p.rate()
	m.recoveryLeft.Set(float64(p.remaining()))
	m.recoveryRate.Set(records)
}
