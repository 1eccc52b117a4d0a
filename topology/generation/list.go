package generation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
)

// Summary is a generation for people.
type Summary struct {
	Number      int       `json:"number"`
	State       string    `json:"state"`
	Since       time.Time `json:"since,omitzero"` // of the state
	Partitions  int32     `json:"partitions,omitempty"`
	Differences []string  `json:"differences,omitempty"` // from the one that serves
	Replay      string    `json:"replay,omitempty"`      // what limits it
	Behind      *int64    `json:"behind,omitempty"`      // offsets to be read and merged, of the next one
	Bytes       *int64    `json:"bytes,omitempty"`       // of its topics on all brokers; nil: the cluster does not tell
}

// List sums the generations up, in the order of their numbers.
func (s State) List(ctx context.Context, cl *kgo.Client, want topology.Settings) ([]Summary, error) {
	live, _ := s.Live()
	next, _ := s.Next()
	var list []Summary
	for _, number := range s.numbers() {
		g := s.Generations[number]
		sum := Summary{Number: number, State: g.State, Since: g.Since, Replay: g.Replay}
		if g.State == Removed {
			list = append(list, sum)
			continue
		}
		settings := g.Topology(want)
		sum.Partitions = settings.Partitions
		if number != live.Number && live.Number > 0 {
			for _, name := range slices.Sorted(maps.Keys(g.Parts)) {
				if has, serves := shorten(g.Parts[name], live.Parts[name]); has != serves {
					sum.Differences = append(sum.Differences, fmt.Sprintf("%s is %q, of generation %d %q", name, has, live.Number, serves))
				}
			}
		}
		if number == next.Number {
			behind, err := behind(ctx, cl, settings)
			if err != nil {
				return nil, err
			}
			sum.Behind = &behind
		}
		_, topics, err := s.Own(g, want)
		if err != nil {
			return nil, err
		}
		sum.Bytes = sizes(ctx, kadm.NewClient(cl), topics)
		list = append(list, sum)
	}
	return list, nil
}

// behind is how much rekey and merge of a generation have still to do.
func behind(ctx context.Context, cl *kgo.Client, s topology.Settings) (int64, error) {
	inputs := map[string]string{s.MergeGroup(): s.Records()}
	for _, source := range topology.Sources() {
		inputs[s.RekeyGroup(source)] = s.RawTopic(source)
	}
	var sum int64
	for group, topic := range inputs {
		ends, err := engine.StableEnds(ctx, cl, topic)
		if err != nil {
			return 0, err
		}
		left, err := engine.Behind(ctx, cl, group, ends)
		if err != nil {
			return 0, err
		}
		sum += left
	}
	return sum, nil
}

// sizes is the sum over all replicas; nil where a broker does not tell.
func sizes(ctx context.Context, adm *kadm.Client, topics []string) *int64 {
	described, err := adm.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return nil
	}
	told := true
	var sum int64
	described.Each(func(d kadm.DescribedLogDir) {
		told = told && d.Err == nil
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if slices.Contains(topics, p.Topic) {
				sum += p.Size
			}
		})
	})
	if !told {
		return nil
	}
	return &sum
}
