package latency

import (
	"context"
	"fmt"
	"slices"
	"time"

	"customer360/bench/plant"
	"customer360/bench/result"
)

// rate measures one, and says how many documents it made.
func (s *stage) rate(ctx context.Context, m plant.Measured, rate int) ([]result.Row, int, error) {
	s.feeder.Stamps()
	s.reader.Arrivals()
	pauseBefore, err := s.pause(ctx)
	if err != nil {
		return nil, 0, err
	}
	before, brokerBefore, err := s.usage()
	if err != nil {
		return nil, 0, err
	}
	first := s.feeder.Given()
	if err := s.feeder.Flow(ctx, rate, s.Lasts, nil); err != nil {
		return nil, 0, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, 0, err
	}
	after, brokerAfter, err := s.usage()
	if err != nil {
		return nil, 0, err
	}
	pauseAfter, err := s.pause(ctx)
	if err != nil {
		return nil, 0, err
	}
	stamps, arrivals := s.feeder.Stamps(), s.reader.Arrivals()
	var took []time.Duration
	for at, stamp := range stamps {
		if arrived, ok := arrivals[at]; ok {
			took = append(took, arrived.Sub(stamp))
		}
	}
	if len(took) == 0 || len(arrivals) > len(took) {
		return nil, 0, fmt.Errorf("%w: %d records of the rate, %d documents came, %d of them belong to the records", plant.ErrVoid, len(stamps), len(arrivals), len(took))
	}
	slices.Sort(took)
	records := float64(s.feeder.Given() - first)
	rows := []result.Row{
		m.Row(result.LatencyP50, "ms", plant.Milliseconds(plant.Percentile(took, .5))),
		m.Row(result.LatencyP99, "ms", plant.Milliseconds(plant.Percentile(took, .99))),
		m.Row(result.LatencyP999, "ms", plant.Milliseconds(plant.Percentile(took, .999))),
		m.Row(result.CPU, "us/record", plant.Microseconds(after.CPU-before.CPU)/records),
		m.Row(result.BrokerCPU, "us/record", plant.Microseconds(brokerAfter-brokerBefore)/records),
		m.Row(result.RSSPeak, "MiB", after.RSS),
		m.Row(result.Documents, "documents", float64(len(took))),
	}
	if s.peer == nil {
		m.Benchmark = result.Commit
		rows = append(rows, pauseAfter.rows(m, pauseBefore)...)
	}
	return rows, len(took), nil
}

func (s *stage) usage() (contender plant.Usage, broker time.Duration, err error) {
	if contender, err = s.process.Usage(); err != nil {
		return contender, 0, err
	}
	b, err := s.BrokerUsage()
	return contender, b.CPU, err
}

// backlog is the pause of commits while there is more to do than is done.
func (s *stage) backlog(ctx context.Context, origin result.Row, round int) ([]result.Row, error) {
	settings := s.settings()
	settings["load"], settings["keys"], settings["partitions"], settings["records"] = "backlog", s.Keys, s.Partitions, s.Backlog
	m, err := measured(origin, result.Commit, s.name, round, settings)
	if err != nil {
		return nil, err
	}
	before, err := s.pause(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.feeder.Write(ctx, s.Backlog); err != nil {
		return nil, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	after, err := s.pause(ctx)
	if err != nil {
		return nil, err
	}
	return after.rows(m, before), nil
}
