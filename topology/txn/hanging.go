package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/registry"
)

// offsetsTopic holds the groups' offsets, which are part of transactions too.
const offsetsTopic = "__consumer_offsets"

// WatchConfig configures a Watch.
type WatchConfig struct {
	// Topics are those that this product alone writes: what hangs there is
	// ended. In Foreign ones (a source system's) it is reported.
	Topics, Foreign []string
	// Interval is the time between two looks. What is open in two of them with
	// its coordinator knowing nothing of it hangs.
	Interval time.Duration
}

// Watch ends hanging transactions: open in a partition while their coordinator
// takes them for ended, so that no timeout ends them and read_committed
// consumers wait for ever. A real broker (4.3.1) makes them when it is killed
// between a transaction's decision and its markers: while it starts again, its
// coordinator takes partitions that are not loaded yet for deleted, and writes
// no marker into them.
//
// A transaction is ended as it was in other partitions; where no marker of it
// is anywhere, as the coordinator remembers it, else it is aborted: then
// nobody has seen it as committed.
type Watch struct {
	cfg    WatchConfig
	client *kgo.Client
	admin  *kadm.Client
	log    *slog.Logger
	ended  *prometheus.CounterVec
	open   map[hanging]bool // at the last look
	told   map[hanging]bool // what could not be ended is said once
}

// hanging is one producer's transaction in one partition.
type hanging struct {
	topic     string
	partition int32
	producer  int64
	epoch     int16
	start     int64 // offset of its first record
}

// NewWatch returns a Watch that asks through cl. A nil registry leaves the
// metric unregistered.
func NewWatch(cfg WatchConfig, cl *kgo.Client, log *slog.Logger, reg prometheus.Registerer) *Watch {
	var errs []error // a metric of another kind in its place: the watch works without
	ended := registry.Shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "customer360_hanging_transactions_total",
		Help: "Transactions that hung in a partition and were ended, by how."}, []string{"result"}), &errs)
	return &Watch{cfg: cfg, client: cl, admin: kadm.NewClient(cl), log: log, told: map[hanging]bool{}, ended: ended}
}

// Run looks again and again until ctx ends. Errors are logged: the watch is a
// help, and not having the rights for it stops nothing.
func (w *Watch) Run(ctx context.Context) error {
	var last string
	for {
		text := ""
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			text = err.Error()
			if text != last {
				w.log.Warn("looking for hanging transactions", "error", err)
			}
		}
		last = text
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.cfg.Interval):
		}
	}
}

// Settle looks until nothing is suspicious any more: for the start, where
// reading a topic to its end would wait. It takes one look as a rule.
func (w *Watch) Settle(ctx context.Context) error {
	for {
		if err := w.Look(ctx); err != nil {
			return err
		}
		if suspects, err := w.suspects(ctx, w.open); err != nil || len(suspects) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// Look looks once, and ends what it and the last look found.
func (w *Watch) Look(ctx context.Context) error {
	producers, err := w.describe(ctx)
	if err != nil {
		return err
	}
	before := w.open
	w.open = map[hanging]bool{}
	both := map[hanging]bool{}
	for _, p := range producers {
		if h, open := asHanging(p); open {
			w.open[h] = true
			if before[h] {
				both[h] = true
			}
		}
	}
	for h := range w.told {
		if !w.open[h] {
			delete(w.told, h)
		}
	}
	suspects, err := w.suspects(ctx, both)
	if err != nil || len(suspects) == 0 {
		return err
	}
	// A transaction that was open before its coordinator took it for ended,
	// and is open afterwards, hangs: markers come before that.
	if producers, err = w.describe(ctx); err != nil {
		return err
	}
	var errs []error
	for _, p := range producers {
		h, open := asHanging(p)
		if s, ok := suspects[h]; open && ok {
			errs = append(errs, w.end(ctx, p, s, producers))
		}
	}
	return errors.Join(errs...)
}

// Hanging looks once, changes nothing, and names what hangs: topic/partition and
// producer. What begins or ends meanwhile is not taken for hanging.
func (w *Watch) Hanging(ctx context.Context) ([]string, error) {
	producers, err := w.describe(ctx)
	if err != nil {
		return nil, err
	}
	open := map[hanging]bool{}
	for _, p := range producers {
		if h, is := asHanging(p); is {
			open[h] = true
		}
	}
	suspects, err := w.suspects(ctx, open)
	if err != nil || len(suspects) == 0 {
		return nil, err
	}
	if producers, err = w.describe(ctx); err != nil { // see Look
		return nil, err
	}
	var list []string
	for _, p := range producers {
		h, is := asHanging(p)
		if s, ok := suspects[h]; is && ok {
			list = append(list, fmt.Sprintf("%s/%d, producer %d (%s)", h.topic, h.partition, h.producer, cmp.Or(s.id, "no transactional id")))
		}
	}
	slices.Sort(list)
	return list, nil
}

func asHanging(p kadm.DescribedProducer) (h hanging, open bool) {
	return hanging{p.Topic, p.Partition, p.ProducerID, p.ProducerEpoch, p.CurrentTxnStartOffset}, p.CurrentTxnStartOffset >= 0
}

// describe returns the producers of all partitions that we may look at.
func (w *Watch) describe(ctx context.Context) ([]kadm.DescribedProducer, error) {
	topics := slices.Concat(w.cfg.Topics, w.cfg.Foreign, []string{offsetsTopic})
	details, err := w.admin.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("the topics' partitions: %w", err)
	}
	set := kadm.TopicsSet{}
	for _, d := range details {
		if d.Err == nil {
			set.Add(d.Topic, d.Partitions.Numbers()...)
		}
	}
	if len(set) == 0 {
		return nil, nil
	}
	described, err := w.admin.DescribeProducers(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("DescribeProducers: %w", err)
	}
	var all []kadm.DescribedProducer
	for _, t := range described {
		for _, p := range t.Partitions {
			for _, d := range p.ActiveProducers { // none where p.Err is set: no right, or no leader for now
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// suspect is what the coordinator knows of a producer.
type suspect struct {
	id     string // transactional id; "": the coordinator knows none
	commit bool   // it remembers the transaction as committed
}

// suspects are those of open whose coordinator does not have them open.
func (w *Watch) suspects(ctx context.Context, open map[hanging]bool) (map[hanging]suspect, error) {
	if len(open) == 0 {
		return nil, nil
	}
	var ids []int64
	for h := range open {
		ids = append(ids, h.producer)
	}
	slices.Sort(ids)
	listed, err := w.admin.ListTransactions(ctx, slices.Compact(ids), nil)
	if err != nil {
		return nil, fmt.Errorf("ListTransactions: %w", err)
	}
	byProducer := map[int64]string{}
	for _, l := range listed {
		byProducer[l.ProducerID] = l.TxnID
	}
	found := map[hanging]suspect{}
	for h := range open {
		id, ok := byProducer[h.producer]
		if !ok {
			found[h] = suspect{}
			continue
		}
		described, err := w.admin.DescribeTransactions(ctx, id)
		if err == nil {
			err = described[id].Err
		}
		if err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
			return nil, fmt.Errorf("DescribeTransactions of %s: %w", id, err)
		}
		if s, ok := judge(h, described[id]); ok {
			found[h] = s
		}
	}
	return found, nil
}

// judge says whether the coordinator takes the transaction for ended, and how.
// With transaction.version 2 each end raises the epoch, markers have the new one.
func judge(h hanging, d kadm.DescribedTransaction) (s suspect, ended bool) {
	s.id = d.TxnID
	newer := d.ProducerID == h.producer && d.ProducerEpoch > h.epoch || d.ProducerID != h.producer
	switch d.State {
	case "CompleteCommit":
		s.commit = d.ProducerID == h.producer && d.ProducerEpoch <= h.epoch+1
		return s, true
	case "CompleteAbort", "Empty", "Dead", "":
		return s, true
	case "Ongoing":
		return s, newer // it is about a later one
	}
	return s, false // about to be ended
}
