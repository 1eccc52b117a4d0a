// Package txn begins and ends Kafka transactions of franz-go clients, so that
// nil from a commit means that all of the transaction is committed.
//
// kgo (up to v1.22.3 at least) has two ways to report a commit that is none:
//
//   - It publishes the partitions of a topic that it produces to for the first
//     time only after it has handed the waiting records to the producer. Where
//     the broker's answer and EndTransaction overtake that step, EndTransaction
//     sees no partition that took part, aborts the transaction ("no produce
//     succeeded in this transaction") and returns nil for a commit. End waits for
//     that step first.
//   - It takes a new epoch in the middle of a transaction, for one, where a
//     partition has forgotten the producer since all of its records are deleted.
//     That aborts what the broker has of the transaction; no record fails, and
//     the rest is committed under the new epoch. End compares the epochs.
package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrReset: the client took a new producer epoch within the transaction, and
// so aborted the records before. It also matches kerr.TransactionAbortable.
var ErrReset = fmt.Errorf("the producer took a new epoch within the transaction, which aborted its first part: %w", kerr.TransactionAbortable)

// Txn is a client's open transaction.
type Txn struct {
	client *kgo.Client
	id     int64
	epoch  int16
}

// Begin begins a transaction; none may be open.
func Begin(ctx context.Context, cl *kgo.Client) (*Txn, error) {
	if err := cl.BeginTransaction(); err != nil {
		return nil, err
	}
	id, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return nil, errors.Join(err, cl.EndTransaction(ctx, kgo.TryAbort))
	}
	return &Txn{client: cl, id: id, epoch: epoch}, nil
}

// Commit commits; all records must be acknowledged, since EndTransaction does
// not look at those that failed. After an error the fate is unknown, and Abort
// may follow.
func (t *Txn) Commit(ctx context.Context) error {
	if err := settle(ctx, t.client); err != nil {
		return err
	}
	id, epoch, err := t.client.ProducerID(ctx)
	if err != nil {
		return err // EndTransaction would not say which
	}
	if id != t.id || epoch != t.epoch {
		return ErrReset
	}
	return t.client.EndTransaction(ctx, kgo.TryCommit)
}

// Abort aborts; all records must be acknowledged or failed.
func (t *Txn) Abort(ctx context.Context) error {
	if err := settle(ctx, t.client); err != nil {
		return err
	}
	return t.client.EndTransaction(ctx, kgo.TryAbort)
}

// noTopic is the name of no topic: Kafka refuses it.
const noTopic = " "

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
