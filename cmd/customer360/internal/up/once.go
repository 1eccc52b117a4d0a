package up

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"customer360/internal/deadletters"
	"customer360/internal/quiet"
)

// awaitQuiet returns when two successive sweeps saw everything at its end.
func (r *run) awaitQuiet(ctx context.Context) error {
	s, err := quiet.New(r.kafka, r.serve.Pipeline().Graph())
	if err != nil {
		return err
	}
	defer s.Close()
	var last quiet.Sweep
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if why := r.busy(); why != "" {
			last = quiet.Sweep{Behind: why}
			continue
		}
		seen, err := s.Sweep(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("looking whether everything has arrived: %w", err)
		}
		if seen.Quiet(last) && r.busy() == "" {
			return nil
		}
		last = seen
	}
}

// busy names what is under way beside Kafka.
func (r *run) busy() string {
	switch p := r.serve.Pipeline(); {
	case p.Poller() == nil:
		return "a generation is being promoted"
	case !r.world.Status().Loaded:
		return "the simulators are loading"
	case !p.Importer().Idle():
		return "a CSV file is being imported"
	case p.Poller().Status().Partitions < int(p.Graph().Settings.Partitions):
		return "another member still polls for some partitions, or they are being recovered"
	case p.Poller().Unanswered() > 0:
		return "the store has not answered for everyone"
	case p.Poller().Status().InFlight > 0:
		return "requests are under way"
	}
	return ""
}

// result is the last line of --once.
func (r *run) result() error {
	c, err := countDocuments(r.servers.node)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	letters, err := deadletters.List(ctx, r.kafka)
	if err != nil {
		return err
	}
	return json.NewEncoder(r.options.Out).Encode(struct {
		Customers   int64   `json:"customers"`
		Orders      int64   `json:"orders"`
		Staged      int64   `json:"staged"`
		DeadLetters int64   `json:"dead_letters"`
		Requests    int64   `json:"http_requests"`
		Seconds     float64 `json:"seconds"`
	}{c.customers, c.orders, c.staged, int64(len(letters)), r.world.Status().Requests,
		float64(r.options.Now().Sub(r.started).Milliseconds()) / 1000})
}
