package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// StartOffsets are the first offsets of the topics' logs, by topic and partition.
func StartOffsets(ctx context.Context, client []kgo.Opt, topics ...string) (map[string]map[int32]int64, error) {
	cl, err := kgo.NewClient(append(slices.Clone(client), readerOptions()...)...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	listed, err := listed(kadm.NewClient(cl).ListStartOffsets(ctx, topics...))
	if err != nil {
		return nil, fmt.Errorf("the start of %v: %w", topics, err)
	}
	first := make(map[string]map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) {
		if first[o.Topic] == nil {
			first[o.Topic] = make(map[int32]int64)
		}
		first[o.Topic][o.Partition] = o.Offset
	})
	return first, nil
}

// CommitFirstOffsets commits where a group that has never run shall start. It
// leaves every partition alone that has a commit, and commits all others in
// one request. Groups start from committed offsets only, so this is what
// creating a generation does once, and nothing else ever does.
func CommitFirstOffsets(ctx context.Context, client []kgo.Opt, group string, first map[string]map[int32]int64) error {
	cl, err := kgo.NewClient(append(slices.Clone(client), readerOptions()...)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for attempt := 1; ; attempt++ {
		err := commitMissing(ctx, adm, group, first)
		// A topic just created is not known everywhere at once.
		if err == nil || attempt == 20 || !retriable(err) {
			return err
		}
		if err := sleep(ctx, min(time.Duration(attempt)*50*time.Millisecond, time.Second)); err != nil {
			return err
		}
	}
}

func commitMissing(ctx context.Context, adm *kadm.Client, group string, first map[string]map[int32]int64) error {
	present, err := adm.FetchOffsets(ctx, group)
	if err == nil {
		err = present.Error()
	}
	if err != nil && !is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("the offsets of group %s: %w", group, err)
	}
	missing := make(kadm.Offsets)
	for topic, partitions := range first {
		for p, offset := range partitions {
			if o, ok := present.Lookup(topic, p); !ok || o.At < 0 {
				missing.AddOffset(topic, p, offset, -1)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := adm.CommitAllOffsets(ctx, group, missing); err != nil {
		return fmt.Errorf("committing the first offsets of group %s: %w", group, err)
	}
	return nil
}
