package child

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka"
	"customer360/topology"
	"customer360/topology/admin"
)

// Broker starts a broker in memory, in this process, with the product's topics.
// It returns its addresses, host:port each, and what ends it.
func Broker(ctx context.Context, s topology.Settings) (addresses []string, end func(), err error) {
	graph, err := topology.New(s)
	if err != nil {
		return nil, nil, fmt.Errorf("the topology: %w", err)
	}
	cluster, err := kfake.NewCluster(kfake.Ports(0), kfake.ClusterID("customer360-bench"), kfake.BrokerConfigs(kafka.Settings()))
	if err != nil {
		return nil, nil, fmt.Errorf("starting the broker: %w", err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DisableClientMetrics())
	if err != nil {
		cluster.Close()
		return nil, nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	defer cl.Close()
	if _, err := admin.Create(ctx, cl, graph, 1); err != nil {
		cluster.Close()
		return nil, nil, err
	}
	return cluster.ListenAddrs(), cluster.Close, nil
}
