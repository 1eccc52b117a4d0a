package simulate

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxSteps bounds what is done, and after a crash done again, at once.
const maxSteps = 500

// happen applies a step and returns what it did in Home Delivery's table.
func (w *World) happen(step int64) []change {
	d := roll(w.cfg.Seed, ofStep, step)
	if atHome(&d) {
		return w.home.happen(&d)
	}
	w.shop.happen(&d)
	return nil
}

// atHome decides whether a step is one of Home Delivery or of the Online Store.
func atHome(d *dice) bool { return d.Below(10) < 6 }

// live lets life go on at its rate until ctx ends. write takes what happened in
// Home Delivery.
func (w *World) live(ctx context.Context, write func(context.Context, []*kgo.Record) error) error {
	if w.cfg.EventsPerSecond == 0 || w.cfg.Once {
		<-ctx.Done()
		return nil
	}
	every := max(time.Duration(float64(time.Second)/w.cfg.EventsPerSecond), 20*time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	owed := 0.0
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// From the clock, since a tick is dropped while Kafka is slow. What a long
		// pause owes is forgiven: life goes on at its rate, not in a burst.
		now := time.Now()
		owed = min(owed+now.Sub(last).Seconds()*w.cfg.EventsPerSecond, maxSteps)
		last = now
		if steps := int64(owed + 0.001); steps > 0 {
			owed -= float64(steps)
			if err := w.advance(ctx, write, steps); err != nil {
				return err
			}
		}
	}
}

// advance lets steps happen: Kafka first, then the count of them on disk.
func (w *World) advance(ctx context.Context, write func(context.Context, []*kgo.Record) error, steps int64) error {
	var records []*kgo.Record
	now := w.deps.Now()
	w.mu.Lock()
	p := w.progress
	for range steps {
		p.Step++
		for _, c := range w.happen(p.Step) {
			records = append(records, c.records(w.cfg.Topic, streamed(p.Step), now)...)
		}
	}
	w.mu.Unlock()
	if err := write(ctx, records); err != nil {
		if ctx.Err() != nil {
			return nil // not counted: they happen, and are written, next time
		}
		return fmt.Errorf("writing Home Delivery's events up to step %d: %w", p.Step, err)
	}
	return w.keep(func(kept *progress) { kept.Step = p.Step })
}

// keep changes the progress, on disk first: in memory it never runs ahead.
func (w *World) keep(change func(*progress)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.progress
	change(&p)
	if err := w.file.save(p); err != nil {
		return err
	}
	w.progress = p
	return nil
}
