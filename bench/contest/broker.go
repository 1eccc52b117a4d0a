package contest

import (
	"context"
	"fmt"
	"iter"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/internal/local/kafka"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/engine"
)

// broker is a node in memory with the product's topics.
type broker struct {
	cluster *kfake.Cluster
	client  []kgo.Opt
	graph   topology.Graph
}

func startBroker(ctx context.Context, partitions int32) (*broker, error) {
	settings := topology.DefaultSettings()
	settings.Partitions = partitions
	graph, err := topology.New(settings)
	if err != nil {
		return nil, fmt.Errorf("the topology: %w", err)
	}
	cluster, err := kfake.NewCluster(kfake.Ports(0), kfake.ClusterID("customer360-bench"), kfake.BrokerConfigs(kafka.Settings()))
	if err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	b := &broker{cluster: cluster, graph: graph,
		client: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DisableClientMetrics()}}
	if err := b.createTopics(ctx); err != nil {
		cluster.Close()
		return nil, err
	}
	return b, nil
}

func (b *broker) createTopics(ctx context.Context) error {
	cl, err := kgo.NewClient(b.client...)
	if err != nil {
		return fmt.Errorf("connecting to the broker: %w", err)
	}
	defer cl.Close()
	_, err = admin.Create(ctx, cl, b.graph, 1)
	return err
}

func (b *broker) close() { b.cluster.Close() }

// fill produces the input and lets the group start at its beginning.
func (b *broker) fill(ctx context.Context, topic, group string, messages iter.Seq[load.Message]) error {
	first, err := engine.StartOffsets(ctx, b.client, topic)
	if err != nil {
		return fmt.Errorf("the start of %s: %w", topic, err)
	}
	if err := engine.CommitFirstOffsets(ctx, b.client, group, first); err != nil {
		return fmt.Errorf("the first offsets of %s: %w", group, err)
	}
	cl, err := kgo.NewClient(b.with(kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(placement()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))...)
	if err != nil {
		return fmt.Errorf("connecting to the broker: %w", err)
	}
	defer cl.Close()
	var failed kgo.FirstErrPromise
	for m := range messages {
		cl.Produce(ctx, &kgo.Record{Key: m.Key, Value: m.Value}, failed.Promise())
	}
	if err := failed.Err(); err != nil { // waits for all
		return fmt.Errorf("producing the input: %w", err)
	}
	return nil
}

func (b *broker) with(opts ...kgo.Opt) []kgo.Opt {
	return append(b.client[:len(b.client):len(b.client)], opts...)
}

// placement is that of Debezium, rekey and the engine.
func placement() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(kgo.KafkaHasher(topology.Murmur2))
}
