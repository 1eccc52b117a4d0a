package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"customer360/bench/plant"
	"customer360/bench/result"
)

// Takeover measures it with a standby copy and without; report gets each one's
// rows.
func Takeover(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for round := 1; round <= cfg.Rounds; round++ {
		for _, standbys := range []int{0, 1} {
			m := cfg.measured(origin, result.Takeover, result.Customer360, round, map[string]any{"standby": standbys > 0})
			some, err := takeover(ctx, cfg, standbys, m)
			if err != nil {
				return rows, fmt.Errorf("takeover, round %d, %d standbys: %w", round, standbys, err)
			}
			report(some)
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

func takeover(ctx context.Context, cfg Config, standbys int, m plant.Measured) (rows []result.Row, err error) {
	pc := cfg.Plant
	pc.Standbys = standbys
	p, err := plant.New(ctx, pc)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	feeder, err := feed(p, cfg, false)
	if err != nil {
		return nil, err
	}
	defer feeder.Close()
	leaves, err := p.RunMerge(ctx, "leaves")
	if err != nil {
		return nil, err
	}
	if err := feeder.Write(ctx, cfg.Keys); err != nil {
		return nil, err
	}
	if err := p.AwaitMerged(ctx, leaves); err != nil {
		return nil, err
	}
	stays, err := p.RunMerge(ctx, "stays")
	if err != nil {
		return nil, err
	}
	group := p.Graph.Settings.MergeGroup()
	if err := p.AwaitShared(ctx, group, 2); err != nil {
		return nil, err
	}
	const recovered = "customer360_engine_recovery_records_total"
	labels := map[string]string{"group": group}
	before, err := stays.Figures(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- leaves.Stop() }()
	owns := func(f plant.Figures) bool {
		return len(f["customer360_engine_partition_lag_records"].GetMetric()) == int(pc.Partitions) && f.Value("customer360_engine_ready", labels) == 1
	}
	var after plant.Figures
	err = p.Await(ctx, 10*time.Millisecond, func() (bool, string, error) {
		var err error
		after, err = stays.Figures(ctx)
		return err == nil && owns(after), "the partitions are not taken over", err
	})
	took := time.Since(began)
	if err := errors.Join(err, <-stopped); err != nil {
		return nil, err
	}
	p.Forget(leaves)
	return []result.Row{
		m.Row(result.TakeTime, "s", took.Seconds()),
		m.Row("recovered", "records", after.Value(recovered, labels)-before.Value(recovered, labels)),
	}, goesOn(ctx, p, cfg, feeder, stays)
}
