package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// markerPatience bounds the search for one marker.
const markerPatience = 10 * time.Second

// end writes the marker that is missing where p hangs.
func (w *Watch) end(ctx context.Context, p kadm.DescribedProducer, s suspect, producers []kadm.DescribedProducer) error {
	h, _ := asHanging(p)
	if slices.Contains(w.cfg.Foreign, h.topic) {
		w.tell(h, s, "a transaction of another system hangs: nothing behind it is read", nil)
		return nil
	}
	commit, witness, err := w.fate(ctx, p, s, producers)
	if err != nil {
		return err
	}
	at := kadm.TopicsSet{}
	at.Add(h.topic, h.partition)
	written, err := w.admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{ProducerID: h.producer, ProducerEpoch: h.epoch, Commit: commit,
		CoordinatorEpoch: max(p.CoordinatorEpoch, 0), Topics: at})
	written.EachPartition(func(p kadm.TxnMarkersPartitionResponse) { err = errors.Join(err, p.Err) })
	if err != nil {
		w.tell(h, s, "a transaction hangs and could not be ended: nothing behind it is read", err)
		return nil
	}
	result := "aborted"
	if commit {
		result = "committed"
	}
	w.ended.WithLabelValues(result).Inc()
	w.log.Warn("ended a hanging transaction: its coordinator had left it open", "topic", h.topic, "partition", h.partition,
		"offset", h.start, "producer_id", h.producer, "epoch", h.epoch, "transactional_id", s.id, "result", result, "known_from", witness)
	return nil
}

// tell says once what an operator has to do.
func (w *Watch) tell(h hanging, s suspect, text string, err error) {
	if w.told[h] {
		return
	}
	w.told[h] = true
	w.log.Error(text, "topic", h.topic, "partition", h.partition, "offset", h.start, "producer_id", h.producer,
		"transactional_id", s.id, "error", err,
		"remedy", fmt.Sprintf("allow ClusterAction on the cluster, or: kafka-transactions.sh --bootstrap-server ... abort --topic %s --partition %d --start-offset %d",
			h.topic, h.partition, h.start))
}

// fate says how the transaction that hangs at p ended elsewhere, and where that
// was seen.
func (w *Watch) fate(ctx context.Context, p kadm.DescribedProducer, s suspect, producers []kadm.DescribedProducer) (commit bool, witness string, err error) {
	h, _ := asHanging(p)
	for _, other := range producers {
		if other.ProducerID != h.producer || other.ProducerEpoch < h.epoch || other.CurrentTxnStartOffset >= 0 && other.ProducerEpoch == h.epoch {
			continue
		}
		commit, found, err := w.marker(ctx, other.Topic, other.Partition, h, p.LastTimestamp)
		if errors.Is(err, kerr.TopicAuthorizationFailed) {
			continue
		}
		if err != nil {
			return false, "", fmt.Errorf("reading %s/%d for the end of a transaction: %w", other.Topic, other.Partition, err)
		}
		if found {
			return commit, fmt.Sprintf("%s/%d", other.Topic, other.Partition), nil
		}
	}
	if s.commit {
		return true, "its coordinator", nil
	}
	return false, "nowhere: nobody has seen it committed", nil
}

// marker looks for the end of the transaction in one partition, from the time
// of its newest record in the hanging one on (Unix milliseconds).
func (w *Watch) marker(ctx context.Context, topic string, partition int32, h hanging, since int64) (commit, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, markerPatience)
	defer cancel()
	ends, err := w.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return false, false, err
	}
	end, _ := ends.Lookup(topic, partition)
	// A transaction's records may be older here than there; its marker is not
	// older than its newest record anywhere, up to the brokers' clocks.
	from := kgo.NewOffset().AfterMilli(max(since-time.Minute.Milliseconds(), 0)) // below 0 are codes
	cl, err := kgo.NewClient(append(w.client.Opts(), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadUncommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: from}}))...)
	if err != nil {
		return false, false, err
	}
	defer cl.Close()
	for next := int64(0); next < end.Offset; {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return false, false, nil // nothing up to here: the log may end in what is not delivered
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return false, false, errs[0].Err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			next = r.Offset + 1
			// Where ends do not raise the epoch (transaction.version 1), older
			// transactions have markers of the same one.
			ours := r.ProducerEpoch == h.epoch+1 || r.ProducerEpoch == h.epoch && r.Timestamp.UnixMilli() >= since
			if !r.Attrs.IsControl() || r.ProducerID != h.producer || !ours {
				continue
			}
			var key kmsg.ControlRecordKey
			if key.ReadFrom(r.Key) == nil && (key.Type == kmsg.ControlRecordKeyTypeAbort || key.Type == kmsg.ControlRecordKeyTypeCommit) {
				return key.Type == kmsg.ControlRecordKeyTypeCommit, true, nil
			}
		}
	}
	return false, false, nil
}
