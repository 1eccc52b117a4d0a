package generation

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/admin"
)

// Resolve finds the settings of the generation that serves: number, partition
// counts and the poller's names. want is what the configuration asks for, which
// is what a cluster without generations gets, as number 1.
func Resolve(ctx context.Context, opts []kgo.Opt, want topology.Settings) (topology.Settings, error) {
	s, err := NewLog(opts).Read(ctx)
	if err != nil {
		return want, err
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return want, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	return s.Resolve(ctx, cl, want)
}

// Resolve is the same for a state that was read.
func (s State) Resolve(ctx context.Context, cl *kgo.Client, want topology.Settings) (topology.Settings, error) {
	g, ok := s.Current()
	if ok {
		want = g.Topology(want)
	}
	if ok && g.Settings != nil {
		return want, nil
	}
	return admin.Discover(ctx, cl, want)
}
