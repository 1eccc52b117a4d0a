// Package txn ends Kafka transactions of franz-go clients.
//
// kgo (up to v1.22.3 at least) publishes the partitions of a topic that it
// produces to for the first time only after it has handed the waiting records
// to the producer. Where the broker's answer and EndTransaction overtake that
// step, EndTransaction sees no partition that took part, aborts the
// transaction ("no produce succeeded in this transaction") and returns nil for
// a commit. End waits for that step first.
package txn

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// noTopic is the name of no topic: Kafka refuses it.
const noTopic = " "

// End ends the client's transaction as EndTransaction does; all records must
// be acknowledged or failed. After an error of a commit its fate is unknown.
func End(ctx context.Context, cl *kgo.Client, how kgo.TransactionEndTry) error {
	if err := settle(ctx, cl); err != nil {
		return err
	}
	return cl.EndTransaction(ctx, how)
}

// settle returns when what the client's metadata loop was doing is done: kgo
// runs a purge between two rounds of it. The goroutine ends with the client at
// the latest.
func settle(ctx context.Context, cl *kgo.Client) error {
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		cl.PurgeTopicsFromProducing(noTopic)
	}()
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
