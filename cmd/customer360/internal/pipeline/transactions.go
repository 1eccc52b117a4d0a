package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/txn"
)

const (
	watchInterval = 20 * time.Second
	// settlePatience bounds how long a start waits for hanging transactions.
	settlePatience = 30 * time.Second
)

func newWatch(g topology.Graph, foreign string, cl *kgo.Client, deps Deps) *txn.Watch {
	var names []string
	for _, t := range g.Topics {
		if t.Name != foreign {
			names = append(names, t.Name)
		}
	}
	return txn.NewWatch(txn.WatchConfig{Topics: names, Foreign: []string{foreign}, Interval: watchInterval}, cl, deps.Log, deps.Registry)
}

// settle ends what hangs before anything is read to its end.
func settle(ctx context.Context, g topology.Graph, foreign string, cl *kgo.Client, deps Deps) error {
	patient, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	err := newWatch(g, foreign, cl, deps).Settle(patient)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		deps.Log.Warn("looking for hanging transactions", "error", err)
	}
	return nil
}

// watchTransactions runs beside the components.
func (p *Pipeline) watchTransactions(ctx context.Context) error {
	cl, err := kgo.NewClient(append(slices.Clip(p.deps.Kafka), kgo.DisableClientMetrics())...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	return newWatch(p.graph, p.config.Delivery.Topic, cl, p.deps).Run(ctx)
}
