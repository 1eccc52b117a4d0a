package generation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Own are the groups and topics that belong to the generation alone: a poller
// that other generations use too is not among them.
func (s State) Own(g Generation, want topology.Settings) (groups, topics []string, err error) {
	settings := g.Topology(want)
	graph, err := topology.New(settings)
	if err != nil {
		return nil, nil, err
	}
	shared := false
	for _, other := range s.Generations {
		if other.Number != g.Number && other.State != Removed && other.Topology(want).PollerGroup() == settings.PollerGroup() {
			shared = true
		}
	}
	for _, group := range graph.Groups {
		if group.Stage == "restpoll" && shared {
			continue
		}
		groups = append(groups, group.Name)
		if group.Table {
			topics = append(topics, group.TableTopic())
		}
	}
	topics = append(topics, settings.Records(), settings.Documents())
	if !shared {
		topics = append(topics, settings.Polls())
	}
	return groups, topics, nil
}

// Remove deletes the groups and topics of a generation that is retired or
// abandoned, and returns their names. Its number stays taken. What is gone
// already is no error: whoever died in the middle is finished.
func (l *Log) Remove(ctx context.Context, number int, want topology.Settings) (groups, topics []string, err error) {
	s, err := l.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	g, ok := s.Generations[number]
	switch {
	case !ok:
		return nil, nil, fmt.Errorf("generation %d: there is none: `customer360 generations list` shows them", number)
	case g.State == Removed:
		return nil, nil, nil
	case g.State != Retired && g.State != Abandoned:
		return nil, nil, fmt.Errorf("%w: generation %d is %s; only a retired or abandoned one can be removed", ErrRefused, number, g.State)
	}
	if groups, topics, err = s.Own(g, want); err != nil {
		return nil, nil, err
	}
	cl, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if err := deleteGroups(ctx, adm, groups); err != nil {
		return nil, nil, err
	}
	deleted, err := adm.DeleteTopics(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("deleting the topics of generation %d: %w", number, err)
	}
	for _, t := range deleted.Sorted() {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			return nil, nil, fmt.Errorf("deleting topic %s: %w", t.Topic, t.Err)
		}
	}
	return groups, topics, l.update(ctx, func(s State) ([]entry, error) {
		g := s.Generations[number]
		if g.State != Retired && g.State != Abandoned {
			return nil, nil // somebody else was faster
		}
		all, err := entries(Generation{Number: number, Replay: g.Replay}.in(Removed))
		for name := range s.KeyForms {
			if _, topic, _ := strings.Cut(name, "/"); name == keyForm(number, topic) || number == 1 && !strings.Contains(name, "/") {
				all = append(all, entry{key: []byte(keyFormPrefix + name)})
			}
		}
		return all, err
	})
}

func deleteGroups(ctx context.Context, adm *kadm.Client, groups []string) error {
	deleted, err := adm.DeleteGroups(ctx, groups...)
	if err != nil {
		return fmt.Errorf("deleting groups: %w", err)
	}
	var busy []string
	for _, g := range deleted.Sorted() {
		switch {
		case errors.Is(g.Err, kerr.NonEmptyGroup):
			busy = append(busy, g.Group)
		case g.Err != nil && !errors.Is(g.Err, kerr.GroupIDNotFound):
			return fmt.Errorf("deleting group %s: %w", g.Group, g.Err)
		}
	}
	if len(busy) > 0 {
		slices.Sort(busy)
		return fmt.Errorf("%w: groups with members: %s; end those processes first (customer360 of an older version does not end by itself)", ErrRefused, strings.Join(busy, ", "))
	}
	return nil
}
