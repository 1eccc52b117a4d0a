package contest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/engine"
)

// Place is where one form of the records lies on a broker: the product's names
// of a generation, 1 for binary records and 2 for JSON.
type Place struct {
	Client []kgo.Opt
	Graph  topology.Graph // of the topics around merge alone
}

// NewPlace connects to nothing. bootstrap is host:port, several behind commas.
func NewPlace(bootstrap string, form load.Form, partitions int32) (Place, error) {
	if strings.Trim(bootstrap, ", ") == "" {
		return Place{}, errors.New("no broker is named: use --bootstrap host:port")
	}
	s := topology.DefaultSettings()
	s.Partitions, s.Generation = partitions, 1
	if form == load.JSON {
		s.Generation = 2
	}
	graph, err := topology.New(s)
	if err != nil {
		return Place{}, fmt.Errorf("the topology: %w", err)
	}
	p := Place{Graph: graph, Client: []kgo.Opt{kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.DisableClientMetrics()}}
	p.Graph.Topics = slices.DeleteFunc(graph.Topics, func(t topology.Topic) bool {
		return t.Name != s.Records() && t.Name != s.Documents() && t.Name != p.table() && t.Name != topology.DeadLetterTopic
	})
	return p, nil
}

// Records, Documents and Group are the names that a contender works with.
func (p Place) Records() string   { return p.Graph.Settings.Records() }
func (p Place) Documents() string { return p.Graph.Settings.Documents() }
func (p Place) Group() string     { return p.Graph.Settings.MergeGroup() }

// table is the changelog of goka's name, the product's and stock goka's.
func (p Place) table() string { return p.Group() + "-table" }

// changelog is the one of Kafka Streams, whose application id is the group.
func (p Place) changelog() string { return p.Group() + "-state-changelog" }

// Fill replaces the records topic by one with these records, placed as Debezium
// places them and compressed with snappy.
func (p Place) Fill(ctx context.Context, messages iter.Seq[load.Message]) error {
	cl, err := p.connect(kgo.DefaultProduceTopic(p.Records()), kgo.RecordPartitioner(placement()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := p.remove(ctx, kadm.NewClient(cl), p.Records()); err != nil {
		return err
	}
	if err := p.create(ctx, cl); err != nil {
		return err
	}
	var failed kgo.FirstErrPromise
	for m := range messages {
		if ctx.Err() != nil {
			break
		}
		cl.Produce(ctx, &kgo.Record{Key: m.Key, Value: m.Value}, failed.Promise())
	}
	if err := failed.Err(); err != nil { // waits for all
		return fmt.Errorf("producing the input: %w", err)
	}
	return ctx.Err()
}

// Fresh removes what a former run left, but its input: output, changelogs, the
// group. It makes them anew, the group at the start of the records.
func (p Place) Fresh(ctx context.Context) error {
	cl, err := p.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if err := p.forget(ctx, adm); err != nil {
		return err
	}
	if err := p.remove(ctx, adm, p.Documents(), p.table(), p.changelog(), topology.DeadLetterTopic); err != nil {
		return err
	}
	if err := p.create(ctx, cl); err != nil {
		return err
	}
	first, err := engine.StartOffsets(ctx, p.Client, p.Records())
	if err != nil {
		return fmt.Errorf("the start of %s: %w", p.Records(), err)
	}
	if err := engine.CommitFirstOffsets(ctx, p.Client, p.Group(), first); err != nil {
		return fmt.Errorf("the first offsets of %s: %w", p.Group(), err)
	}
	return nil
}

// forget deletes the group. A member that was killed counts until its session
// has timed out.
func (p Place) forget(ctx context.Context, adm *kadm.Client) error {
	return patiently(ctx, "deleting group "+p.Group(), func() error {
		_, err := adm.DeleteGroup(ctx, p.Group())
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		return err
	})
}

func (p Place) remove(ctx context.Context, adm *kadm.Client, topics ...string) error {
	responses, err := adm.DeleteTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("deleting topics: %w", err)
	}
	for _, r := range responses {
		if r.Err != nil && !errors.Is(r.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("deleting topic %s: %w", r.Topic, r.Err)
		}
	}
	// A broker shows them for a moment longer, and who sees one does not create it.
	return patiently(ctx, "waiting for the deletion of topics", func() error {
		all, err := adm.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("listing topics: %w", err)
		}
		for _, name := range topics {
			if all.Has(name) {
				return fmt.Errorf("topic %s is still there", name)
			}
		}
		return nil
	})
}

// create makes what is missing; again, while the broker still removes a former
// topic of one name.
func (p Place) create(ctx context.Context, cl *kgo.Client) error {
	return patiently(ctx, "creating the topics", func() error {
		_, err := admin.Create(ctx, cl, p.Graph, 1)
		return err
	})
}

const patience = time.Minute

func patiently(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Written is how many bytes of log the contender left on the broker: documents
// and changelogs, as they are compressed.
func (p Place) Written(ctx context.Context) (int64, error) {
	cl, err := p.connect()
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	logs, err := kadm.NewClient(cl).DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("the sizes of the topics: %w", err)
	}
	var sum int64
	var failed error
	logs.Each(func(d kadm.DescribedLogDir) {
		failed = errors.Join(failed, d.Err)
		for _, topic := range []string{p.Documents(), p.table(), p.changelog()} {
			for _, partition := range d.Topics[topic] {
				sum += partition.Size
			}
		}
	})
	if failed != nil {
		return 0, fmt.Errorf("the sizes of the topics: %w", failed)
	}
	return sum, nil
}

func (p Place) connect(more ...kgo.Opt) (*kgo.Client, error) {
	// A new topic is looked for in metadata that are kept for that long: 5 s by default.
	cl, err := kgo.NewClient(append(p.with(more...), kgo.MetadataMinAge(100*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	return cl, nil
}

func (p Place) with(opts ...kgo.Opt) []kgo.Opt {
	return append(p.Client[:len(p.Client):len(p.Client)], opts...)
}

// placement is that of Debezium, rekey and the engine.
func placement() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(kgo.KafkaHasher(topology.Murmur2))
}
