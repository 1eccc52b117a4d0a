package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// A compacted topic keeps a removal for delete.retention.ms, and then there is no
// trace of it. A group that has stood still for longer may have missed some, and
// nothing that it reads later tells. So each commit carries its time, also where
// nothing has moved for dateEvery: a group that waits for input is not old.

const (
	committedAt = "at=" // in a commit's metadata: Unix time in seconds
	dateEvery   = time.Hour
)

// ErrMissed: removals may be missing in what a group reads.
var ErrMissed = errors.New("removals may have been compacted away before they were read")

// retentions are how long the table and inputs keep removals.
func (g *Group) retentions(ctx context.Context, adm *kadm.Client, f *facts, inputs []string) error {
	names := slices.Clone(inputs)
	if g.table != "" {
		names = append(names, g.table)
	}
	configs, err := adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("configuration of %v: %w", names, err)
	}
	f.removals = map[string]time.Duration{}
	for _, c := range configs {
		if is(c.Err, kerr.TopicAuthorizationFailed) && c.Name != g.table {
			g.log.Debug("the configuration of an input cannot be read: how long it keeps removals is not known", "topic", c.Name, "error", c.Err)
			continue
		}
		if c.Err != nil {
			return fmt.Errorf("configuration of %s: %w", c.Name, c.Err)
		}
		policy, retention, err := removals(c)
		switch {
		case err != nil:
			return err
		case c.Name == g.table && policy != "compact":
			return fatalf("the table %s has cleanup.policy %q: it must be compact, or state is lost", g.table, policy)
		case c.Name == g.table:
			f.retention = retention
		case strings.Contains(policy, "compact"):
			f.removals[c.Name] = retention
		}
	}
	return nil
}

// removals are a topic's cleanup.policy and delete.retention.ms.
func removals(c kadm.ResourceConfig) (policy string, retention time.Duration, err error) {
	policy, retention = "delete", 24*time.Hour // Kafka's defaults
	for _, kv := range c.Configs {
		switch value := kv.MaybeValue(); kv.Key {
		case "cleanup.policy":
			policy = value
		case "delete.retention.ms":
			ms, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return "", 0, fatalf("delete.retention.ms of %s is %q", c.Name, value)
			}
			retention = time.Duration(min(ms, int64(100*365*24*time.Hour/time.Millisecond))) * time.Millisecond
		}
	}
	return policy, retention, nil
}

// margin is how much earlier than its time a removal counts as gone.
func margin(retention time.Duration) time.Duration { return min(retention/10, time.Hour) }

// checkAge finds partitions of an input that have unread records, and were last
// committed longer ago than the topic keeps removals.
func (g *Group) checkAge(ctx context.Context, f *facts, topic string, committed map[int32]kadm.OffsetResponse) error {
	keeps, compacted := f.removals[topic]
	if !compacted {
		return nil
	}
	var old []int32
	oldest, now := time.Time{}, g.cfg.now()
	for p, o := range committed {
		at, ok := timeOf(o.Metadata)
		if ok && now.Sub(at) > keeps-margin(keeps) {
			old = append(old, p)
			if oldest.IsZero() || at.Before(oldest) {
				oldest = at
			}
		}
	}
	if len(old) == 0 {
		return nil
	}
	ends, err := StableEnds(ctx, g.admin, topic)
	if err != nil {
		return err
	}
	old = slices.DeleteFunc(old, func(p int32) bool {
		from, end := committed[p].At, ends[topic][p]
		return from >= end || OnlyInvisible(ctx, g.admin, topic, p, from, end)
	})
	if len(old) == 0 {
		return nil
	}
	slices.Sort(old)
	missed := fmt.Errorf("%w: group %s was last at work on %s at %v, %v ago, with records of partitions %v unread, and the topic keeps removals for %v (delete.retention.ms)",
		ErrMissed, g.cfg.Group, topic, oldest.UTC().Format(time.RFC3339), now.Sub(oldest).Round(time.Minute), old, keeps)
	if g.cfg.Missed != nil {
		return g.cfg.Missed(missed)
	}
	return fatalf("%w: if this machine's clock is right, rebuild", missed)
}

func timeOf(metadata string) (time.Time, bool) {
	for _, field := range strings.Fields(metadata) {
		if value, ok := strings.CutPrefix(field, committedAt); ok {
			seconds, err := strconv.ParseInt(value, 10, 64)
			return time.Unix(seconds, 0), err == nil
		}
	}
	return time.Time{}, false
}
