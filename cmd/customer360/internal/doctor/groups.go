package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"customer360/internal/deadletters"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/txn"
)

// topics: settings, by the same rules as `topics check`.
func (d *doctor) topics(ctx context.Context) ([]Finding, error) {
	diffs, err := admin.Check(ctx, d.client, d.graph)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, x := range diffs {
		what := fmt.Sprintf("%s is %s, should be %s", x.What, x.Have, x.Want)
		if x.What == "topic" || x.What == "partitions" || x.What == "cleanup.policy" {
			found = append(found, failure(x.Topic, what, x.Remedy)) // run refuses it
		} else {
			found = append(found, warning(x.Topic, what, x.Remedy))
		}
	}
	if len(found) == 0 {
		found = append(found, ok(fmt.Sprintf("%d topics", len(d.graph.Topics)), "settings are as they should be"))
	}
	return found, nil
}

// groups: alive, with members enough and not too many, and their lag.
func (d *doctor) groups(ctx context.Context) ([]Finding, error) {
	var names []string
	for _, g := range d.graph.Groups {
		names = append(names, g.Name)
	}
	described, err := d.admin.DescribeGroups(ctx, names...)
	if err != nil && len(described) == 0 {
		return nil, err
	}
	var found []Finding
	for _, g := range d.graph.Groups {
		seen := described[g.Name]
		partitions := 0
		for _, t := range g.Inputs {
			topic, _ := d.graph.Topic(t)
			partitions = max(partitions, int(topic.Partitions))
		}
		found = append(found, group(g, seen, partitions))
	}
	return found, nil
}

// group judges one.
func group(g topology.Group, seen kadm.DescribedGroup, partitions int) Finding {
	where := "group " + g.Name
	start := "start it: customer360 run --only " + g.Stage
	switch {
	case errors.Is(seen.Err, kerr.GroupIDNotFound), seen.Err == nil && seen.State == "Dead", seen.State == "" && seen.Err == nil:
		return warning(where, "the group does not exist: it has never run, or it was deleted",
			start+"; if it ran before, its offsets are gone: see docs/operations.md, a group's offset is missing")
	case errors.Is(seen.Err, kerr.GroupAuthorizationFailed):
		return failure(where, "this user may not describe the group", "give the user Read and Describe on the group")
	case seen.Err != nil:
		return unknown(where, "could not be described: "+seen.Err.Error(), "run doctor again; look at the broker that coordinates it")
	case len(seen.Members) == 0:
		return warning(where, "no members: nobody does this part of the work", start)
	case len(seen.Members) > partitions:
		return warning(where, fmt.Sprintf("%d members for %d partitions: some have nothing to do", len(seen.Members), partitions),
			"run fewer instances, or rebuild with more partitions (docs/scaling.md)")
	case seen.State != "Stable":
		return warning(where, fmt.Sprintf("state %s, %d members", seen.State, len(seen.Members)), "it rebalances; if it still does in a minute, look at its members' logs")
	}
	return ok(where, "%d members, %d partitions", len(seen.Members), partitions)
}

// retention: what the groups have not read yet, and how soon it is deleted.
func (d *doctor) retention(ctx context.Context) ([]Finding, error) {
	var found []Finding
	for _, g := range d.graph.Groups {
		offsets, err := d.admin.FetchOffsets(ctx, g.Name)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			found = append(found, unknown("group "+g.Name, "offsets cannot be read: "+err.Error(), "give the user Describe on the group"))
			continue
		}
		for _, name := range g.Inputs {
			list, err := d.inputAtRisk(ctx, g, name, offsets)
			if err != nil {
				found = append(found, unknown("group "+g.Name, err.Error(), "run doctor again"))
			}
			found = append(found, list...)
		}
	}
	if len(found) == 0 {
		found = append(found, ok(fmt.Sprintf("%d groups", len(d.graph.Groups)), "nothing that a group has still to read is near its deletion"))
	}
	return found, nil
}

func (d *doctor) inputAtRisk(ctx context.Context, g topology.Group, name string, offsets kadm.OffsetResponses) ([]Finding, error) {
	starts, err := d.admin.ListStartOffsets(ctx, name)
	if err == nil {
		err = starts.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, nil // topics says it
	}
	if err != nil {
		return nil, fmt.Errorf("start offsets of %s: %w", name, err)
	}
	ends, err := d.admin.ListCommittedOffsets(ctx, name)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end offsets of %s: %w", name, err)
	}
	keep := d.keeps(ctx, name)
	var found []Finding
	var lag int64
	oldest := map[int32]int64{}
	for p, start := range starts[name] {
		at, have := offsets.Lookup(name, p)
		end, _ := ends.Lookup(name, p)
		if !have || at.At < 0 {
			continue
		}
		where := fmt.Sprintf("group %s, %s/%d", g.Name, name, p)
		topic, _ := d.graph.Topic(name)
		if name == d.graph.Settings.Polls() {
			at.At = max(at.At, start.Offset) // the poller asks again for what it has not read
		}
		if at.At < start.Offset && !topic.Compacted() {
			found = append(found, failure(where, fmt.Sprintf("offset %d, and the log begins at %d: %d records were deleted unread", at.At, start.Offset, start.Offset-at.At),
				"restore the topic from a backup, or `customer360 rebuild` into a new generation"))
		}
		if end.Offset > at.At {
			lag += end.Offset - at.At
			oldest[p] = max(at.At, start.Offset)
		}
	}
	if keep <= 0 || len(oldest) == 0 {
		return found, nil
	}
	age, err := d.oldest(ctx, name, oldest)
	if err != nil {
		return found, fmt.Errorf("reading the oldest record of %s that %s has still to read: %w", name, g.Name, err)
	}
	return append(found, risk(fmt.Sprintf("group %s, %s", g.Name, name), lag, age, keep)...), nil
}

// risk judges the age of the oldest unread record by how long it is kept.
func risk(where string, lag int64, age, keep time.Duration) []Finding {
	what := fmt.Sprintf("lag %d; the oldest unread record is %v old and is kept for %v", lag, age.Round(time.Minute), keep)
	remedy := "start the group or more instances of it, or raise the topic's retention until it has caught up"
	switch {
	case age > keep*9/10:
		return []Finding{failure(where, what, remedy)}
	case age > keep/2:
		return []Finding{warning(where, what, remedy)}
	}
	return nil
}

// keeps is how long a record surely stays: retention, or for compacted topics
// how long deletions do. 0 where that is for ever or not known.
func (d *doctor) keeps(ctx context.Context, name string) time.Duration {
	topic, _ := d.graph.Topic(name)
	key := "retention.ms"
	if topic.Compacted() {
		key = "delete.retention.ms"
	}
	configs, err := d.admin.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return 0
	}
	for _, c := range configs {
		for _, setting := range c.Configs {
			if ms, err := strconv.ParseInt(setting.MaybeValue(), 10, 64); err == nil && setting.Key == key && ms > 0 {
				return time.Duration(ms) * time.Millisecond
			}
		}
	}
	return 0
}

// transactions: what hangs, and whether it may be ended.
func (d *doctor) transactions(ctx context.Context) ([]Finding, error) {
	var names []string
	for _, t := range d.graph.Topics {
		names = append(names, t.Name)
	}
	w := txn.NewWatch(txn.WatchConfig{Topics: names}, d.client, nil, nil)
	hanging, err := w.Hanging(ctx)
	if err != nil {
		return []Finding{unknown("transactions", "cannot be looked at: "+err.Error(),
			"give the user Describe on topics and transactional ids, and ClusterAction on the cluster")}, nil
	}
	var found []Finding
	for _, h := range hanging {
		found = append(found, failure(h, "a transaction hangs: its coordinator takes it for ended, and readers wait behind it",
			"a running customer360 with ClusterAction on the cluster ends it within a minute; by hand: kafka-transactions.sh abort"))
	}
	operations, err := d.clusterActions(ctx)
	switch {
	case err != nil:
		found = append(found, unknown("rights", err.Error(), "give the user Describe on the cluster, to see its own rights"))
	case !operations:
		found = append(found, warning("rights", "the user has no ClusterAction: transactions that a killed broker leaves hanging are not ended",
			"kafka-acls.sh --add --allow-principal User:NAME --operation ClusterAction --cluster"))
	default:
		found = append(found, ok("rights", "ClusterAction is there"))
	}
	if len(hanging) == 0 {
		found = append(found, ok("transactions", "none hangs"))
	}
	return found, nil
}

// letters: how many in the last day.
func (d *doctor) letters(ctx context.Context) ([]Finding, error) {
	list, err := d.admin.ListTopics(ctx, topology.DeadLetterTopic)
	if err != nil {
		return nil, err
	}
	if !list.Has(topology.DeadLetterTopic) {
		return nil, nil // topics says it
	}
	letters, err := deadletters.List(ctx, d.deps.Kafka)
	if err != nil {
		return nil, err
	}
	recent := 0
	for _, l := range letters {
		if d.deps.Now().Sub(l.At) < 24*time.Hour && !l.Retried {
			recent++
		}
	}
	if recent > 0 {
		return []Finding{warning(topology.DeadLetterTopic, fmt.Sprintf("%d in the last 24 h that were not retried (%d in all)", recent, len(letters)),
			"customer360 dead-letters list --pending; mend the cause, then customer360 dead-letters retry")}, nil
	}
	return []Finding{ok(topology.DeadLetterTopic, "none in the last 24 h, %d in all", len(letters))}, nil
}
