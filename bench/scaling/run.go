package scaling

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"customer360/bench/contest"
	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
)

// Run measures all cases, interleaved; report gets each one's rows.
func Run(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	documents := -1
	for round := 1; round <= cfg.Rounds; round++ {
		for i := range cfg.Cases {
			x := cfg.Cases[(i+round-1)%len(cfg.Cases)]
			m := measured(origin, result.Scaling, round, map[string]any{"instances": x.Instances, "partitions": x.Partitions, "keys": cfg.Keys[0], "records": cfg.Records})
			some, n, err := turn(ctx, cfg, x, cfg.Keys[0], m)
			if err == nil && documents >= 0 && n != documents {
				err = fmt.Errorf("%w: %d documents, another case wrote %d for the same records", plant.ErrVoid, n, documents)
			}
			if err != nil {
				return rows, fmt.Errorf("scaling, round %d, %d instances, %d partitions: %w", round, x.Instances, x.Partitions, err)
			}
			documents = n
			report(some)
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

// Growth measures states of several sizes; report gets each one's rows.
func Growth(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	shipped := contest.Engine()
	for round := 1; round <= cfg.Rounds; round++ {
		for i := range cfg.Keys {
			keys := cfg.Keys[(i+round-1)%len(cfg.Keys)]
			m := measured(origin, result.Growth, round, map[string]any{"keys": keys, "records": cfg.Records,
				"partitions": cfg.Plant.Partitions, "cache_bytes": shipped.StoreBytes + shipped.CacheBytes})
			some, _, err := turn(ctx, cfg, Case{1, cfg.Plant.Partitions}, keys, m)
			if err != nil {
				return rows, fmt.Errorf("growth, round %d, %d customers: %w", round, keys, err)
			}
			report(some)
			rows = append(rows, some...)
		}
	}
	return rows, nil
}

// turn lets the instances have all customers, measures what the records behind
// them cost, and counts the documents.
func turn(ctx context.Context, cfg Config, x Case, keys int, m plant.Measured) (rows []result.Row, documents int, err error) {
	pc := cfg.Plant
	pc.Partitions = x.Partitions
	p, err := plant.New(ctx, pc)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	generator, err := load.New(load.Config{Records: keys + cfg.Records, Keys: keys, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, 0, err
	}
	feeder, err := p.Feed(p.Graph.Settings.Records(), generator.Encoded(load.Binary))
	if err != nil {
		return nil, 0, err
	}
	defer feeder.Close()
	var instances []*plant.Process
	for i := range x.Instances {
		q, err := p.RunMerge(ctx, "merge"+strconv.Itoa(i+1))
		if err != nil {
			return nil, 0, err
		}
		instances = append(instances, q)
	}
	if err := p.AwaitShared(ctx, p.Graph.Settings.MergeGroup(), x.Instances); err != nil {
		return nil, 0, err
	}
	if err := feeder.Write(ctx, keys); err != nil {
		return nil, 0, err
	}
	if err := p.AwaitMerged(ctx, instances...); err != nil {
		return nil, 0, err
	}
	before, _, err := total(instances)
	if err != nil {
		return nil, 0, err
	}
	brokerBefore, err := p.BrokerUsage()
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := feeder.Write(ctx, cfg.Records); err != nil {
		return nil, 0, err
	}
	if err := p.AwaitMerged(ctx, instances...); err != nil {
		return nil, 0, err
	}
	took := time.Since(began)
	after, rss, err := total(instances)
	if err != nil {
		return nil, 0, err
	}
	brokerAfter, err := p.BrokerUsage()
	if err != nil {
		return nil, 0, err
	}
	if documents, err = count(ctx, p); err != nil {
		return nil, 0, err
	}
	if documents < keys {
		return nil, 0, fmt.Errorf("%w: %d documents of %d customers", plant.ErrVoid, documents, keys)
	}
	records := float64(cfg.Records)
	return []result.Row{
		m.Row(result.Throughput, "records/s", records/took.Seconds()),
		m.Row(result.CPU, "us/record", plant.Microseconds(after-before)/records),
		m.Row(result.BrokerCPU, "us/record", plant.Microseconds(brokerAfter.CPU-brokerBefore.CPU)/records),
		m.Row(result.RSSPeak, "MiB", rss),
		m.Row(result.Documents, "documents", float64(documents)),
	}, documents, nil
}

// total is the CPU time of all together, and the largest memory of one.
func total(instances []*plant.Process) (cpu time.Duration, rss float64, err error) {
	for _, q := range instances {
		u, err := q.Usage()
		if err != nil {
			return 0, 0, err
		}
		cpu, rss = cpu+u.CPU, max(rss, u.RSS)
	}
	return cpu, rss, nil
}

func count(ctx context.Context, p *plant.Plant) (int, error) {
	r, err := p.Documents(p.Graph.Settings.Documents())
	if err != nil {
		return 0, err
	}
	defer r.Close()
	err = r.ToTheEnd(ctx, p)
	return r.Seen(), err
}
