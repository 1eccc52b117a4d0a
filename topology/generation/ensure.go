package generation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
)

// ErrRefused marks a start that the serving generation forbids: settings that
// decide the documents' bytes, or a raw topic, are not what they were.
var ErrRefused = errors.New("refused")

// Ensure makes sure that a generation serves for this graph, creating number
// 1 on a new cluster, and returns it. parts are what decides the bytes, by
// name. An error matches ErrRefused where the settings are other ones.
func Ensure(ctx context.Context, opts []kgo.Opt, g topology.Graph, parts map[string]string) (Generation, error) {
	log := NewLog(opts)
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return Generation{}, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	ids, err := rawTopicIDs(ctx, cl, g)
	if err != nil {
		return Generation{}, err
	}
	state, err := log.Read(ctx)
	if err != nil {
		return Generation{}, err
	}
	if live, ok := state.Live(); ok {
		if live.Number != g.Settings.Generation {
			return live, &Changed{Number: g.Settings.Generation, Live: live.Number}
		}
		err := compare(live, parts, ids)
		if next, ok := state.Next(); ok && next.State == Promoting && len(differences(next, parts, ids)) == 0 {
			err = nil // what the parts decide stands still until next serves
		}
		return live, err
	}
	return create(ctx, log, cl, g, parts, ids)
}

// create walks building to serving; any instance can finish what another began.
func create(ctx context.Context, log *Log, cl *kgo.Client, g topology.Graph, parts, ids map[string]string) (Generation, error) {
	var current Generation
	err := log.update(ctx, func(s State) ([]entry, error) {
		var ok bool
		if current, ok = s.Current(); ok {
			return nil, compare(current, parts, ids)
		}
		first, err := firstOffsets(ctx, cl, g)
		if err != nil {
			return nil, err
		}
		settings := g.Settings
		current = Generation{Number: settings.Generation, Settings: &settings, Parts: parts, Topics: ids, FirstOffsets: first}.in(Building)
		return entries(current)
	})
	if err != nil || current.State == Serving {
		return current, err
	}
	for _, group := range g.Groups {
		if err := commitFirst(ctx, log.opts, group, current.FirstOffsets); err != nil {
			return current, err
		}
	}
	err = log.update(ctx, func(s State) ([]entry, error) {
		have, ok := s.Generations[current.Number]
		if !ok || have.State == Serving {
			current = have
			return nil, nil
		}
		current = current.in(Serving)
		return entries(current)
	})
	return current, err
}

// compare names every difference between what was pinned and what is.
func compare(g Generation, parts, ids map[string]string) error {
	changed := differences(g, parts, ids)
	if len(changed) == 0 {
		return nil
	}
	return fmt.Errorf("%w: generation %d was built otherwise: %s; put it back as it was, or build generation %d with it: `customer360 rebuild --config FILE`, then `customer360 rebuild promote` (docs/rebuild.md)",
		ErrRefused, g.Number, strings.Join(changed, "; "), g.Number+1)
}

// differences in words, by name.
func differences(g Generation, parts, ids map[string]string) (changed []string) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if have := g.Parts[name]; have != parts[name] {
			was, now := shorten(have, parts[name])
			changed = append(changed, fmt.Sprintf("%s was %q and is now %q", name, was, now))
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(ids)) {
		if have, ok := g.Topics[topic]; ok && have != ids[topic] {
			changed = append(changed, fmt.Sprintf("topic %s was deleted and created anew: its offsets mean other records now", topic))
		}
	}
	return changed
}

// shorten leaves of two lists of name=value what differs.
func shorten(was, now string) (string, string) {
	a, b := strings.Fields(was), strings.Fields(now)
	if len(a) != len(b) {
		return was, now
	}
	var left, right []string
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		name, _, ok := strings.Cut(a[i], "=")
		if other, _, _ := strings.Cut(b[i], "="); !ok || name != other {
			return was, now
		}
		left, right = append(left, a[i]), append(right, b[i])
	}
	return strings.Join(left, " "), strings.Join(right, " ")
}

func rawTopicIDs(ctx context.Context, cl *kgo.Client, g topology.Graph) (map[string]string, error) {
	var names []string
	for _, source := range topology.Sources() {
		names = append(names, g.Settings.RawTopic(source))
	}
	topics, err := kadm.NewClient(cl).ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("reading the raw topics: %w", err)
	}
	ids := map[string]string{}
	for _, t := range topics {
		if t.Err != nil {
			return nil, fmt.Errorf("raw topic %s: %w; `customer360 topics create` makes it", t.Topic, t.Err)
		}
		ids[t.Topic] = t.ID.String()
	}
	return ids, nil
}

// firstOffsets is the start of every input. A raw topic that has lost its
// beginning and is not compacted cannot be replayed to the same state.
func firstOffsets(ctx context.Context, cl *kgo.Client, g topology.Graph) (map[string]map[int32]int64, error) {
	seen := map[string]bool{}
	for _, group := range g.Groups {
		for _, topic := range group.Inputs {
			seen[topic] = true
		}
	}
	names := slices.Sorted(maps.Keys(seen))
	adm := kadm.NewClient(cl)
	starts, err := adm.ListStartOffsets(ctx, names...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the start of the topics: %w", err)
	}
	first := map[string]map[int32]int64{}
	starts.Each(func(o kadm.ListedOffset) {
		if first[o.Topic] == nil {
			first[o.Topic] = map[int32]int64{}
		}
		first[o.Topic][o.Partition] = o.Offset
	})
	return first, refuseTruncated(ctx, adm, g, first)
}

func refuseTruncated(ctx context.Context, adm *kadm.Client, g topology.Graph, first map[string]map[int32]int64) error {
	for _, source := range topology.Sources() {
		topic := g.Settings.RawTopic(source)
		for p, offset := range first[topic] {
			if offset == 0 {
				continue
			}
			configs, err := adm.DescribeTopicConfigs(ctx, topic)
			if err != nil {
				return fmt.Errorf("reading the settings of %s: %w", topic, err)
			}
			rc, err := configs.On(topic, nil)
			if err != nil {
				return fmt.Errorf("reading the settings of %s: %w", topic, err)
			}
			for _, c := range rc.Configs {
				if c.Key == "cleanup.policy" && !strings.Contains(c.MaybeValue(), "compact") {
					return fmt.Errorf("%w: topic %s, partition %d begins at offset %d and is not compacted: rows that were only written before are lost; take a new snapshot into a compacted topic",
						ErrRefused, topic, p, offset)
				}
			}
		}
	}
	return nil
}

// commitFirst commits the group's first offsets where it has none.
func commitFirst(ctx context.Context, opts []kgo.Opt, group topology.Group, first map[string]map[int32]int64) error {
	inputs := map[string]map[int32]int64{}
	for _, topic := range group.Inputs {
		inputs[topic] = first[topic]
	}
	if err := engine.CommitFirstOffsets(ctx, opts, group.Name, inputs); err != nil {
		return fmt.Errorf("committing the first offsets of group %s: %w", group.Name, err)
	}
	return nil
}
