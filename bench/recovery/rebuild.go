package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
	"customer360/codec"
	"customer360/topology"
)

// Rebuild measures it; report gets each round's rows.
func Rebuild(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for round := 1; round <= cfg.Rounds; round++ {
		some, err := rebuild(ctx, cfg, cfg.measured(origin, result.Rebuild, result.Customer360, round, nil))
		if err != nil {
			return rows, fmt.Errorf("rebuild, round %d: %w", round, err)
		}
		report(some)
		rows = append(rows, some...)
	}
	return rows, nil
}

func rebuild(ctx context.Context, cfg Config, m plant.Measured) (rows []result.Row, err error) {
	p, err := plant.New(ctx, cfg.Plant)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	records := cfg.Keys + cfg.Keys/2
	generator, err := load.New(load.Config{Records: records, Keys: cfg.Keys, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, err
	}
	feeder, err := p.Feed(topology.HomeDeliveryTopic, generator.Envelopes())
	if err != nil {
		return nil, err
	}
	defer feeder.Close()
	if err := feeder.Write(ctx, records); err != nil {
		return nil, err
	}
	serves, err := p.Run("serves", "rekey,merge")
	if err != nil {
		return nil, err
	}
	s := p.Graph.Settings
	for _, group := range []string{s.RekeyGroup(codec.HomeDelivery), s.MergeGroup()} {
		if err := p.AwaitRunning(ctx, serves, group); err != nil {
			return nil, err
		}
	}
	g := p.Graph
	g.Groups = []topology.Group{{Name: s.RekeyGroup(codec.HomeDelivery), Inputs: []string{topology.HomeDeliveryTopic}},
		{Name: s.MergeGroup(), Inputs: []string{s.Records()}}}
	g.Topics = []topology.Topic{{Name: topology.HomeDeliveryTopic}, {Name: s.Records()}, {Name: s.Documents()}}
	if err := p.AwaitQuiet(ctx, g, serves); err != nil {
		return nil, err
	}
	began := time.Now()
	builds, err := p.Product("rebuild", "rebuild")
	if err != nil {
		return nil, err
	}
	used, err := lastUsage(ctx, p, builds)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(began).Seconds()
	if _, err := p.Command(ctx, "rebuild", "diff", "--exit-code"); err != nil {
		return nil, fmt.Errorf("%w: %w", plant.ErrVoid, err)
	}
	return []result.Row{
		m.Row("rebuild", "s", seconds),
		m.Row(result.KeysRate, "keys/s", float64(cfg.Keys)/seconds),
		m.Row(result.CPU, "us/record", plant.Microseconds(used.CPU)/float64(records)),
		m.Row(result.RSSPeak, "MiB", used.RSS),
	}, nil
}

// lastUsage waits for the process's end.
func lastUsage(ctx context.Context, p *plant.Plant, q *plant.Process) (u plant.Usage, err error) {
	err = p.Await(ctx, 20*time.Millisecond, func() (bool, string, error) {
		select {
		case <-q.Ended():
			_, err := q.Output()
			return true, "", err
		default:
			return false, q.Name + " goes on", nil
		}
	})
	if err != nil {
		return u, err
	}
	return q.Total(), nil
}
