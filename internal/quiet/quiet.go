// Package quiet says when everything that lies in Kafka has been worked off: by
// what it sees there, never by a pause. Quiet are two successive sweeps with equal
// end offsets, no open transaction, and no data record ahead of any group.
package quiet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// place is one partition.
type place struct {
	topic     string
	partition int32
}

// Sweeper looks at all of Kafka that the graph is about.
type Sweeper struct {
	opts  []kgo.Opt
	cl    *kgo.Client
	graph topology.Graph
}

// New connects to Kafka; Close ends that.
func New(opts []kgo.Opt, g topology.Graph) (*Sweeper, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	return &Sweeper{opts: opts, cl: cl, graph: g}, nil
}

// Close ends the connection.
func (s *Sweeper) Close() { s.cl.Close() }

// Sweep is what one look saw.
type Sweep struct {
	ends map[place]int64 // high watermarks
	// Behind is a reader with a data record between its commit and the last
	// stable offset, "" when there is none. Transaction markers at the end of a
	// log are no data.
	Behind string
}

// Quiet says whether nothing moved between two sweeps and no reader is behind.
func (s Sweep) Quiet(before Sweep) bool {
	return s.Behind == "" && before.Behind == "" && len(s.ends) > 0 && maps.Equal(s.ends, before.ends)
}

// Sweep looks once.
func (s *Sweeper) Sweep(ctx context.Context) (Sweep, error) {
	adm := kadm.NewClient(s.cl)
	var names []string
	for _, t := range s.graph.Topics {
		names = append(names, t.Name)
	}
	seen := Sweep{ends: map[place]int64{}}
	ends, err := adm.ListEndOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return seen, fmt.Errorf("end offsets: %w", err)
	}
	ends.Each(func(o kadm.ListedOffset) { seen.ends[place{o.Topic, o.Partition}] = o.Offset })
	stable, err := adm.ListCommittedOffsets(ctx, names...)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return seen, fmt.Errorf("last stable offsets: %w", err)
	}
	for p, end := range seen.ends {
		if o, _ := stable.Lookup(p.topic, p.partition); o.Offset < end {
			seen.Behind = fmt.Sprintf("a transaction is open on %s/%d", p.topic, p.partition)
			return seen, nil
		}
	}
	for _, g := range s.graph.Groups {
		if seen.Behind, err = s.groupBehind(ctx, adm, g, seen.ends); err != nil || seen.Behind != "" {
			return seen, err
		}
	}
	return seen, nil
}

// groupBehind names a partition of which the group has not committed all data.
func (s *Sweeper) groupBehind(ctx context.Context, adm *kadm.Client, g topology.Group, ends map[place]int64) (string, error) {
	committed, err := adm.FetchOffsets(ctx, g.Name)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return "", fmt.Errorf("offsets of group %s: %w", g.Name, err)
	}
	rest := map[string]map[int32]kgo.Offset{}
	for _, topic := range g.Inputs {
		for p, end := range ends {
			if p.topic != topic {
				continue
			}
			o, ok := committed.Lookup(topic, p.partition)
			if !ok || o.At < 0 {
				return fmt.Sprintf("group %s has no offset of %s/%d", g.Name, topic, p.partition), nil
			}
			if o.At < end {
				if rest[topic] == nil {
					rest[topic] = map[int32]kgo.Offset{}
				}
				rest[topic][p.partition] = kgo.NewOffset().At(o.At)
			}
		}
	}
	if len(rest) == 0 {
		return "", nil
	}
	p, data, err := s.dataIn(ctx, rest, ends)
	if err != nil {
		return "", fmt.Errorf("reading what group %s has not committed: %w", g.Name, err)
	}
	if data {
		return fmt.Sprintf("group %s is behind on %s/%d", g.Name, p.topic, p.partition), nil
	}
	return "", nil
}

// dataIn reads from the offsets up to the ends and says whether a committed
// data record lies there.
func (s *Sweeper) dataIn(ctx context.Context, from map[string]map[int32]kgo.Offset, ends map[place]int64) (place, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(append(s.opts[:len(s.opts):len(s.opts)], kgo.ConsumePartitions(from), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.BrokerMaxReadBytes(8*topology.MaxMessageBytes), kgo.DisableClientMetrics())...)
	if err != nil {
		return place{}, false, err
	}
	defer cl.Close()
	open := map[place]bool{}
	for topic, partitions := range from {
		for p := range partitions {
			open[place{topic, p}] = true
		}
	}
	for len(open) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return place{}, false, err
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return place{errs[0].Topic, errs[0].Partition}, false, errs[0].Err
		}
		for _, r := range fetches.Records() {
			p := place{r.Topic, r.Partition}
			if !r.Attrs.IsControl() {
				return p, true, nil
			}
			if r.Offset+1 >= ends[p] {
				delete(open, p)
			}
		}
	}
	return place{}, false, nil
}
