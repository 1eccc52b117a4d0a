package plant

import (
	"context"
	"math"
	"time"

	"customer360/internal/quiet"
	"customer360/topology"
)

// RunMerge starts an instance of merge alone, and waits until it runs: the topics
// of the first generation may be written then.
func (p *Plant) RunMerge(ctx context.Context, name string, env ...string) (*Process, error) {
	q, err := p.Run(name, "merge", env...)
	if err != nil {
		return nil, err
	}
	return q, p.AwaitRunning(ctx, q, p.Graph.Settings.MergeGroup())
}

// AwaitRunning waits until the group's work goes on in that process.
func (p *Plant) AwaitRunning(ctx context.Context, q *Process, group string) error {
	return p.Await(ctx, 20*time.Millisecond, func() (bool, string, error) {
		if err := q.Alive(); err != nil {
			return false, "", err
		}
		f, err := q.Figures(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // not yet
		}
		ready := f.Value("customer360_engine_ready", map[string]string{"group": group}) == 1
		return ready, group + " is not ready in " + q.Name, nil
	})
}

// AwaitMerged waits until merge, or a peer in its place, has committed all
// records, and nobody has a transaction open.
func (p *Plant) AwaitMerged(ctx context.Context, workers ...*Process) error {
	g, s := p.Graph, p.Graph.Settings
	g.Groups = []topology.Group{{Name: s.MergeGroup(), Inputs: []string{s.Records()}}}
	g.Topics = []topology.Topic{{Name: s.Records()}, {Name: s.Documents()}}
	return p.AwaitQuiet(ctx, g, workers...)
}

// AwaitQuiet waits until all groups of the graph have done all that lies in its
// topics.
func (p *Plant) AwaitQuiet(ctx context.Context, g topology.Graph, workers ...*Process) error {
	sweeper, err := quiet.New(p.Kafka, g)
	if err != nil {
		return err
	}
	defer sweeper.Close()
	var before quiet.Sweep
	return p.Await(ctx, 50*time.Millisecond, func() (bool, string, error) {
		for _, q := range workers {
			if err := q.Alive(); err != nil {
				return false, "", err
			}
		}
		sweep, err := sweeper.Sweep(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // what is not there yet is looked for again
		}
		done := sweep.Quiet(before)
		before = sweep
		return done, sweep.Behind, nil
	})
}

// Percentile is the nearest rank's of what is sorted ascending and not empty.
func Percentile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// Milliseconds of a duration, with fractions.
func Milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// Microseconds of a duration, with fractions.
func Microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }
