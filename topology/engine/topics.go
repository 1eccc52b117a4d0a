package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// facts are what an incarnation has found in Kafka before it joins.
type facts struct {
	features   features
	partitions int32                   // of the inputs, and so of the table
	ids        map[string]kadm.TopicID // of the inputs
	tableID    kadm.TopicID
	retention  time.Duration            // delete.retention.ms of the table
	removals   map[string]time.Duration // delete.retention.ms of the inputs that are compacted
	// start and end of the table's partitions, as of the session's start
	tableStart, tableEnd map[int32]int64
}

// checkPatience is for the whole of check.
const checkPatience = 10 * time.Second

// check finds what cannot work before anything is joined: topics that are
// missing or do not fit, partitions without a committed offset.
func (g *Group) check(ctx context.Context) (facts, error) {
	limited, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	f, err := g.examine(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no answer within %v (a broker that is down, a wrong address, TLS or a password on one side only): %w", checkPatience, err)
	}
	return f, err
}

func (g *Group) examine(ctx context.Context) (facts, error) {
	var f facts
	if g.cfg.Transactional {
		var err error
		if f.features, err = lookAtFeatures(ctx, g.admin); err != nil {
			return f, err
		}
	}
	adm := kadm.NewClient(g.admin)
	names := append(append([]string{}, g.inputs...), g.outputs...)
	if g.table != "" {
		names = append(names, g.table)
	}
	meta, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return f, fmt.Errorf("metadata of %v: %w", names, err)
	}
	for _, name := range names {
		t, ok := meta[name]
		if !ok {
			return f, fmt.Errorf("topic %s: %w", name, kerr.UnknownTopicOrPartition)
		}
		if t.Err != nil {
			return f, fmt.Errorf("topic %s: %w", name, t.Err)
		}
	}
	f.partitions = int32(len(meta[g.inputs[0]].Partitions))
	f.ids = map[string]kadm.TopicID{}
	for _, name := range g.inputs {
		f.ids[name] = meta[name].ID
		if n := int32(len(meta[name].Partitions)); n != f.partitions {
			return f, fatalf("inputs of one group must have equal partition counts: %s has %d, %s has %d", g.inputs[0], f.partitions, name, n)
		}
	}
	if g.table != "" {
		if n := int32(len(meta[g.table].Partitions)); n != f.partitions {
			return f, fatalf("the input %s has %d partitions, the table %s has %d partitions: their numbers must be equal and stay so: rebuild", g.inputs[0], f.partitions, g.table, n)
		}
		f.tableID = meta[g.table].ID
	}
	if err := g.retentions(ctx, adm, &f, g.inputs); err != nil {
		return f, err
	}
	return f, g.checkCommits(ctx, adm, f)
}

// checkCommits refuses to start where a committed offset is missing, or too old.
func (g *Group) checkCommits(ctx context.Context, adm *kadm.Client, f facts) error {
	committed, err := adm.FetchOffsets(ctx, g.cfg.Group)
	if err != nil && !is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("the offsets of group %s: %w", g.cfg.Group, err)
	}
	for _, topic := range g.inputs {
		if g.cfg.expendable(topic) {
			continue
		}
		for p := range f.partitions {
			o, ok := committed.Lookup(topic, p)
			if ok && o.Err != nil {
				return fmt.Errorf("the offset of group %s for %s/%d: %w", g.cfg.Group, topic, p, o.Err)
			}
			if !ok || o.At < 0 {
				if n := int32(len(committed[topic])); 0 < n && n <= p {
					return repartitioned(g.cfg.Group, topic, n, f.partitions)
				}
				return noCommit(g.cfg.Group, topic, p)
			}
			if err := g.checkPin(&f, topic, p, o.Metadata); err != nil {
				return err
			}
		}
		if err := g.checkAge(ctx, &f, topic, committed[topic]); err != nil {
			return err
		}
	}
	return nil
}

// refreshTable looks where the table's log begins and ends now that former
// owners are fenced.
func (inc *incarnation) refreshTable(ctx context.Context) error {
	start, end, err := logBounds(ctx, kadm.NewClient(inc.group.admin), inc.group.table)
	if err != nil {
		return err
	}
	inc.facts.tableStart, inc.facts.tableEnd = start, end
	return nil
}

// logBounds are the first offsets of a topic's partitions, and their high watermarks.
func logBounds(ctx context.Context, adm *kadm.Client, topic string) (start, end map[int32]int64, err error) {
	ends, err := listed(adm.ListEndOffsets(ctx, topic))
	if err != nil {
		return nil, nil, fmt.Errorf("the end of %s: %w", topic, err)
	}
	starts, err := listed(adm.ListStartOffsets(ctx, topic))
	if err != nil {
		return nil, nil, fmt.Errorf("the start of %s: %w", topic, err)
	}
	start, end = map[int32]int64{}, map[int32]int64{}
	for p, o := range starts[topic] {
		start[p] = o.Offset
	}
	for p, o := range ends[topic] {
		end[p] = o.Offset
	}
	return start, end, nil
}

// topicManager answers goka from what check has found. It creates nothing:
// topics belong to the topology.
type topicManager struct{ inc *incarnation }

var _ goka.TopicManager = topicManager{}

func (t topicManager) EnsureTableExists(string, int) error  { return nil }
func (t topicManager) EnsureStreamExists(string, int) error { return nil }
func (t topicManager) EnsureTopicExists(string, int, int, map[string]string) error {
	return nil
}
func (t topicManager) Close() error { return nil }

func (t topicManager) Partitions(string) ([]int32, error) {
	ps := make([]int32, t.inc.facts.partitions)
	for i := range ps {
		ps[i] = int32(i)
	}
	return ps, nil
}

// GetOffset is asked for the table only; the end is the high watermark, and
// nobody but the owner writes below it.
func (t topicManager) GetOffset(topic string, partition int32, at int64) (int64, error) {
	from := t.inc.facts.tableEnd
	if at == sarama.OffsetOldest {
		from = t.inc.facts.tableStart
	}
	offset, ok := from[partition]
	if topic != t.inc.group.table || !ok {
		return 0, fmt.Errorf("%s/%d is not known", topic, partition)
	}
	return offset, nil
}
