package generation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/txn"
)

// Log reads and changes the topic.
type Log struct {
	opts []kgo.Opt
}

// NewLog makes a Log from the options that reach the cluster.
func NewLog(opts []kgo.Opt) *Log { return &Log{opts: opts} }

// Read folds the topic up to its present end. A cluster without the topic has
// no generations yet.
func (l *Log) Read(ctx context.Context) (State, error) {
	s := State{Generations: map[int]Generation{}, KeyForms: map[string]string{}}
	err := engine.ReadToEnd(ctx, l.opts, topology.GenerationsTopic, func(r *kgo.Record) error {
		if err := s.apply(r.Key, r.Value); err != nil {
			return fmt.Errorf("%s at offset %d: %w", topology.GenerationsTopic, r.Offset, err)
		}
		return nil
	})
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		err = nil
	}
	return s, err
}

// entry is one record to write.
type entry struct{ key, value []byte }

// update reads the state under the fixed transactional id, lets decide say
// what to write, and commits it; when another instance came in between, it
// starts again. decide may be called several times.
func (l *Log) update(ctx context.Context, decide func(State) ([]entry, error)) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := l.try(ctx, decide)
		if err == nil || !fenced(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func fenced(err error) bool {
	for _, e := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions, kerr.TransactionAbortable, kerr.InvalidTxnState} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (l *Log) try(ctx context.Context, decide func(State) ([]entry, error)) error {
	cl, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)], kgo.TransactionalID(topology.GenerationsTopic),
		kgo.TransactionTimeout(10*time.Second), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableClientMetrics(),
		kgo.DefaultProduceTopic(topology.GenerationsTopic))...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil { // fences who was here before
		return fmt.Errorf("taking the transactional id of %s: %w", topology.GenerationsTopic, err)
	}
	state, err := l.Read(ctx)
	if err != nil {
		return err
	}
	entries, err := decide(state)
	if err != nil || len(entries) == 0 {
		return err
	}
	transaction, err := txn.Begin(ctx, cl)
	if err != nil {
		return err
	}
	var records []*kgo.Record
	for _, e := range entries {
		records = append(records, &kgo.Record{Key: e.key, Value: e.value})
	}
	err = cl.ProduceSync(ctx, records...).FirstErr()
	if err == nil {
		err = transaction.Commit(ctx)
	}
	if err != nil {
		_ = transaction.Abort(ctx) // or the next one of this id does
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", topology.GenerationsTopic, err)
	}
	return nil
}
