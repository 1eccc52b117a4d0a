package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/generation"
	"customer360/topology/txn"
)

// Reasons why a letter is not published again.
var (
	ErrUnknown = errors.New("no dead letter has these coordinates")
	ErrRetried = errors.New("it was retried already")
	ErrNewer   = errors.New("its key has a newer record, which a retry would take back")
	ErrNoRetry = errors.New("it cannot be retried")
)

const transactionalID = "customer360.deadletter.retry"

// Retry publishes the letter's raw record to its topic again, once. Errors
// match the reasons above.
func Retry(ctx context.Context, opts []kgo.Opt, coordinates string) (Letter, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.TransactionalID(transactionalID),
		kgo.TransactionTimeout(30*time.Second), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableClientMetrics(),
		kgo.ProducerBatchMaxBytes(topology.MaxMessageBytes))...)
	if err != nil {
		return Letter{}, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil { // from here on another retry is fenced
		return Letter{}, fmt.Errorf("taking the transactional id %s: %w", transactionalID, err)
	}
	letters, err := List(ctx, opts)
	if err != nil {
		return Letter{}, err
	}
	l, ok := Find(letters, coordinates)
	if !ok {
		return l, fmt.Errorf("%s: %w: `customer360 dead-letters list` shows them", coordinates, ErrUnknown)
	}
	topic := l.Topic
	if l.Stage == "restpoll" { // a rebuild may have given the polls another topic
		settings, err := generation.Resolve(ctx, opts, topology.DefaultSettings())
		if err != nil {
			return l, err
		}
		topic = settings.Polls()
	}
	if err := check(ctx, opts, l, topic); err != nil {
		return l, fmt.Errorf("%s: %w", coordinates, err)
	}
	return l, publish(ctx, cl, l, topic)
}

func check(ctx context.Context, opts []kgo.Opt, l Letter, topic string) error {
	switch {
	case l.Retried:
		return ErrRetried
	case l.FileHash != "":
		return fmt.Errorf("%w: it is line %d of %s: mend the file and import it with `customer360 import`", ErrNoRetry, l.Line, l.File)
	case l.Stage == "merge":
		return fmt.Errorf("%w: a key is quarantined until a rebuild", ErrNoRetry)
	case l.Offset < 0 || l.Key == nil:
		return fmt.Errorf("%w: it has no key, so no place in its topic", ErrNoRetry)
	}
	newer, err := hasNewer(ctx, opts, l, topic)
	if err == nil && newer {
		return ErrNewer
	}
	return err
}

// hasNewer tells whether the topic has a record of the letter's key behind the
// letter's own. On another partition than the letter's, where its key belongs
// perhaps, that is one that was written at its time or later; where the letter's
// record is gone, any.
func hasNewer(ctx context.Context, opts []kgo.Opt, l Letter, topic string) (bool, error) {
	var own, elsewhere time.Time
	newer, found := false, false
	err := engine.ReadToEnd(ctx, opts, topic, func(r *kgo.Record) error {
		switch {
		case string(r.Key) != string(l.Key):
		case topic != l.Topic, r.Partition == l.Partition && r.Offset > l.Offset:
			newer = true
		case r.Partition != l.Partition:
			if !found || r.Timestamp.After(elsewhere) {
				elsewhere = r.Timestamp
			}
			found = true
		case r.Offset == l.Offset:
			own = r.Timestamp
		}
		return nil
	})
	return newer || found && !elsewhere.Before(own), err
}

func publish(ctx context.Context, cl *kgo.Client, l Letter, topic string) error {
	transaction, err := txn.Begin(ctx, cl)
	if err != nil {
		return err
	}
	raw := &kgo.Record{Topic: topic, Key: l.Key, Value: l.Value}
	for k, v := range l.Headers {
		raw.Headers = append(raw.Headers, kgo.RecordHeader{Key: k, Value: v})
	}
	note := &kgo.Record{Topic: topology.DeadLetterTopic, Key: []byte(l.Coordinates()),
		Headers: []kgo.RecordHeader{{Key: headerRetried, Value: []byte("1")}}}
	err = cl.ProduceSync(ctx, raw, note).FirstErr()
	if err == nil {
		err = transaction.Commit(ctx)
	}
	if err != nil {
		_ = transaction.Abort(ctx) // or the next one of this id does
	}
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
		return fmt.Errorf("another retry was under way, nothing was published: try again: %w", err)
	}
	if err != nil {
		return fmt.Errorf("publishing to %s: %w", topic, err)
	}
	return nil
}
