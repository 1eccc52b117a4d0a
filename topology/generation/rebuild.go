package generation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/admin"
)

// Plan is the next generation as somebody wants it.
type Plan struct {
	Settings topology.Settings // that the configuration asks for, with the counts that are there (admin.Discover)
	Parts    map[string]string // what decides the bytes, by name
	Replay   Replay
	Replicas int16 // of topics to be created
}

// Begin returns the next generation with its graph; where there is none, it
// makes one. Either way its topics and the first offsets of its rekey and merge
// groups are there then: whoever died in the middle is finished. An error
// matches ErrRefused when nothing serves, when the plan is not that of the
// generation that is there, and when the raw topics cannot be replayed.
func Begin(ctx context.Context, opts []kgo.Opt, plan Plan) (g Generation, graph topology.Graph, err error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return g, graph, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	wanted, err := topology.New(plan.Settings)
	if err != nil {
		return g, graph, err
	}
	ids, err := rawTopicIDs(ctx, cl, wanted)
	if err != nil {
		return g, graph, err
	}
	log := NewLog(opts)
	err = log.update(ctx, func(s State) (_ []entry, err error) {
		var ok bool
		if g, ok = s.Next(); ok {
			return nil, plan.fits(g, ids)
		}
		if g, err = plan.create(ctx, cl, s, ids); err != nil {
			return nil, err
		}
		return entries(g)
	})
	if err != nil {
		return g, graph, err
	}
	if graph, err = topology.New(g.Topology(plan.Settings)); err != nil {
		return g, graph, err
	}
	return g, graph, g.prepare(ctx, opts, cl, graph, plan.Replicas)
}

// fits refuses another plan than the one that the generation was begun with.
func (p Plan) fits(g Generation, ids map[string]string) error {
	if g.State == Promoting {
		return fmt.Errorf("%w: generation %d is being promoted: `customer360 rebuild promote` goes on with that", ErrRefused, g.Number)
	}
	changed := differences(g, p.Parts, ids)
	if given := p.Replay.String(); given != "" && given != g.Replay {
		was := g.Replay
		if was == "" {
			was = "everything"
		}
		changed = append(changed, fmt.Sprintf("the replay was of %s and is now of %s", was, given))
	}
	if len(changed) == 0 {
		return nil
	}
	return fmt.Errorf("%w: generation %d is %s and was begun otherwise: %s; go on with its own configuration, or give it up first: `customer360 rebuild abandon`",
		ErrRefused, g.Number, g.State, strings.Join(changed, "; "))
}

// create makes the entry of the next number.
func (p Plan) create(ctx context.Context, cl *kgo.Client, s State, ids map[string]string) (Generation, error) {
	live, ok := s.Live()
	if !ok {
		return Generation{}, fmt.Errorf("%w: no generation serves yet, so there is nothing to build the next one beside: start `customer360 run` with this configuration", ErrRefused)
	}
	settings, served := p.Settings, live.Topology(p.Settings)
	numbers := s.numbers()
	settings.Generation = numbers[len(numbers)-1] + 1
	settings.Poller = served.Poller
	if settings.Partitions != served.Partitions {
		settings.Poller = settings.Generation
	}
	graph, err := topology.New(settings)
	if err != nil {
		return Generation{}, err
	}
	adm, first := kadm.NewClient(cl), map[string]map[int32]int64{}
	var raw []string
	for _, source := range topology.Sources() {
		raw = append(raw, settings.RawTopic(source))
	}
	starts, err := adm.ListStartOffsets(ctx, raw...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return Generation{}, fmt.Errorf("reading the start of the raw topics: %w", err)
	}
	starts.Each(func(o kadm.ListedOffset) {
		if first[o.Topic] == nil {
			first[o.Topic] = map[int32]int64{}
		}
		first[o.Topic][o.Partition] = o.Offset
	})
	cut := map[string]map[int32]int64{} // what nobody asked to leave out
	for topic, partitions := range first {
		cut[topic] = map[int32]int64{}
		for partition, offset := range partitions {
			_, named := p.Replay.Offsets[partition]
			if topic != settings.RawTopic(p.Replay.Source) || !named && p.Replay.Time.IsZero() {
				cut[topic][partition] = offset
			}
		}
	}
	if err := refuseTruncated(ctx, adm, graph, cut); err != nil {
		return Generation{}, err
	}
	if err := p.Replay.limit(ctx, adm, settings, first); err != nil {
		return Generation{}, err
	}
	for _, topic := range []string{settings.Records(), settings.Documents()} {
		first[topic] = map[int32]int64{}
		for partition := range settings.Partitions {
			first[topic][partition] = 0
		}
	}
	return Generation{Number: settings.Generation, Settings: &settings, Parts: p.Parts, Topics: ids,
		FirstOffsets: first, Replay: p.Replay.String()}.in(Building), nil
}

// prepare makes the topics and commits where rekey and merge begin; all of it
// may be there already.
func (g Generation) prepare(ctx context.Context, opts []kgo.Opt, cl *kgo.Client, graph topology.Graph, replicas int16) error {
	if _, err := admin.Create(ctx, cl, graph, replicas); err != nil {
		return err
	}
	diffs, err := admin.Check(ctx, cl, graph)
	if err != nil {
		return err
	}
	for _, d := range diffs {
		if d.What == "topic" || d.What == "partitions" || d.What == "cleanup.policy" {
			return fmt.Errorf("generation %d: %s", g.Number, d)
		}
	}
	for _, group := range graph.Groups {
		if slices.Contains([]string{"rekey", "merge"}, group.Stage) {
			if err := commitFirst(ctx, opts, group, g.FirstOffsets); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarkReady writes that a building generation has caught up. One that is ready
// stays so; any other state is *Changed.
func (l *Log) MarkReady(ctx context.Context, number int) error {
	return l.update(ctx, func(s State) ([]entry, error) {
		if err := s.Allowed(number, Rebuild); err != nil || s.Generations[number].State == Ready {
			return nil, err
		}
		return entries(s.Generations[number].in(Ready))
	})
}

// Abandon gives up the next generation, which may be building or ready, and
// returns it. Who works on it follows the topic and ends.
func (l *Log) Abandon(ctx context.Context) (g Generation, err error) {
	err = l.update(ctx, func(s State) ([]entry, error) {
		next, ok := s.Next()
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: no generation is being built", ErrRefused)
		case next.State == Promoting:
			return nil, fmt.Errorf("%w: generation %d is being promoted, and that cannot be taken back: `customer360 rebuild promote` finishes it", ErrRefused, next.Number)
		}
		g = next.in(Abandoned)
		return entries(g)
	})
	return g, err
}
