package gendiff

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
)

// closeBy is how many offsets are looked at one by one: the last of them are
// often markers of transactions, which no group has to read.
const closeBy = 10_000

// behind is how many records the generation's rekey and merge have still to
// read; far from the end markers count too.
func behind(ctx context.Context, opts []kgo.Opt, s topology.Settings) (records int64, err error) {
	g, err := topology.New(s)
	if err != nil {
		return 0, err
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return 0, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for _, group := range g.Groups {
		if group.Stage != "rekey" && group.Stage != "merge" {
			continue
		}
		at, err := adm.FetchOffsets(ctx, group.Name)
		if err == nil {
			err = at.Error()
		}
		if err != nil {
			return 0, fmt.Errorf("the offsets of group %s: %w", group.Name, err)
		}
		for _, topic := range group.Inputs {
			stable, err := adm.ListCommittedOffsets(ctx, topic)
			if err == nil {
				err = stable.Error()
			}
			if err != nil {
				return 0, fmt.Errorf("the end of %s: %w", topic, err)
			}
			from := map[int32]int64{}
			stable.Each(func(o kadm.ListedOffset) {
				committed, _ := at.Lookup(o.Topic, o.Partition)
				from[o.Partition] = max(committed.At, 0)
				if left := o.Offset - from[o.Partition]; left > closeBy {
					records += left
					from[o.Partition] = o.Offset
				}
			})
			if err := engine.NewReaderAt(opts, topic, from).Read(ctx, func(*kgo.Record) error { records++; return nil }); err != nil {
				return 0, err
			}
		}
	}
	return records, nil
}
