package generation

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// followAtLeast is how often the topic is read whatever the consumer says: a
// topic that was away and came back, for one.
const followAtLeast = 30 * time.Second

// Follow calls fn with the state as of now, and again after each change, until
// ctx ends (nil) or fn fails. While Kafka is away it waits; trouble is told to
// report, each time that it is another one.
func (l *Log) Follow(ctx context.Context, report func(error), fn func(State) error) error {
	// The consumer only wakes: what counts is a read to the end, since a fetch may
	// bring the half of the topic.
	cl, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)], kgo.DisableClientMetrics(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topology.GenerationsTopic: {0: kgo.NewOffset().AtStart()}}))...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	said := ""
	for {
		s, err := l.Read(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			said = ""
			if err := fn(s); err != nil {
				return err
			}
		case err.Error() != said:
			said = err.Error()
			report(fmt.Errorf("following %s: %w", topology.GenerationsTopic, err))
		}
		if err := awaitRecord(ctx, cl); err != nil {
			return nil
		}
	}
}

// awaitRecord returns when a record came, or after a while; its error is ctx's.
func awaitRecord(ctx context.Context, cl *kgo.Client) error {
	limited, cancel := context.WithTimeout(ctx, followAtLeast)
	defer cancel()
	for {
		fetches := cl.PollFetches(limited)
		switch {
		case limited.Err() != nil:
			return ctx.Err()
		case fetches.NumRecords() > 0:
			return nil
		case fetches.Err() != nil: // kgo goes on by itself, and repeats the error at once
			select {
			case <-time.After(time.Second):
			case <-limited.Done():
			}
		}
	}
}
