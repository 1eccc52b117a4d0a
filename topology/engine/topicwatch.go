package engine

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// unchanged looks whether the topics are still those that the incarnation began
// with. The client tells of a topic created anew only when it next fetches, and
// where it produces only in the transaction under way; of more partitions never,
// when it knows no offset for them.
func (inc *incarnation) unchanged(ctx context.Context) error {
	g, f := inc.group, inc.facts
	names := g.inputs
	if g.table != "" {
		names = append(names[:len(names):len(names)], g.table)
	}
	topics, err := kadm.NewClient(g.admin).ListTopics(ctx, names...)
	if err != nil {
		return nil //nolint:nilerr // the broker is away: no news
	}
	for _, name := range names {
		t, ok := topics[name]
		if !ok || t.Err != nil {
			continue // whoever reads or writes it is told so
		}
		was := f.ids[name]
		if name == g.table {
			was = f.tableID
		}
		if t.ID != was && g.cfg.expendable(name) {
			return fmt.Errorf("%w: %s was created anew", ErrRefetch, name)
		}
		if t.ID != was {
			return recreated(name, fmt.Sprintf("while group %s was running", g.cfg.Group), was, t.ID)
		}
		if n := int32(len(t.Partitions)); n != f.partitions {
			return repartitioned(g.cfg.Group, name, f.partitions, n)
		}
	}
	return nil
}

func recreated(topic, when string, was, is kadm.TopicID) error {
	return fatalf("the topic %s was deleted and created anew %s (id %s then, %s now): what it held is gone, and nothing guesses what was in it: restore the topic, or rebuild", topic, when, was, is)
}

func repartitioned(group, topic string, was int32, is any) error {
	return fatalf("topic %s has %v partitions, and group %s has worked with %d: keys would lie on other partitions than their state, so the number must not change: rebuild", topic, is, group, was)
}
