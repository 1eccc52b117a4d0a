package engine

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/registry"
)

// metrics of one group. Groups of a process share the vectors.
type metrics struct {
	committed, aborted, fenced    prometheus.Counter
	commitPause, fullPause        prometheus.Observer
	transaction                   prometheus.Observer
	in, out, recovery, rebuilds   prometheus.Counter
	lag, recovering, state, ready prometheus.Gauge
	recoveryLeft, recoveryRate    prometheus.Gauge
	lastCommit                    prometheus.Gauge
	settledAt                     atomic.Int64 // Unix time in milliseconds; 0: never
	standbys, standbyLag          prometheus.Gauge
	standbyRecords                prometheus.Counter
	partitionLag                  *prometheus.GaugeVec // group, topic, partition
}

func newMetrics(r prometheus.Registerer, group string) (*metrics, error) {
	var errs []error
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "customer360_engine_" + name, Help: help}, append([]string{"group"}, labels...)), &errs)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return registry.Shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "customer360_engine_" + name, Help: help}, []string{"group"}), &errs).WithLabelValues(group)
	}
	seconds := func(name, help string, buckets []float64) prometheus.Observer {
		return registry.Shared(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "customer360_engine_" + name, Help: help, Buckets: buckets}, []string{"group"}), &errs).WithLabelValues(group)
	}
	pauses := []float64{.0005, .001, .002, .003, .004, .005, .0075, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5}
	transactions := counter("transactions_total", "Transactions by outcome: committed, aborted by this instance, fenced by another one or the coordinator.", "outcome")
	m := &metrics{
		committed:      transactions.WithLabelValues(group, "committed"),
		aborted:        transactions.WithLabelValues(group, "aborted"),
		fenced:         transactions.WithLabelValues(group, "fenced"),
		commitPause:    seconds("commit_pause_seconds", "How long a commit holds up the callbacks.", pauses),
		fullPause:      seconds("full_pause_seconds", "How long callbacks wait, before a commit, for the end of the one before, since the transaction is full: Kafka takes less than they write.", pauses),
		transaction:    seconds("transaction_seconds", "From the beginning of a transaction to its end.", prometheus.ExponentialBuckets(0.005, 2, 13)),
		in:             counter("records_in_total", "Records fetched from the inputs.").WithLabelValues(group),
		out:            counter("records_out_total", "Records produced, changelog included, aborted ones too.").WithLabelValues(group),
		recovery:       counter("recovery_records_total", "Changelog records read to recover local state.").WithLabelValues(group),
		rebuilds:       counter("rebuilds_total", "Times the processor was replaced after a failure.").WithLabelValues(group),
		lag:            gauge("lag_records", "Records between the committed offsets of the owned partitions and their stable ends."),
		recovering:     gauge("recovering", "1 while local state is being recovered."),
		state:          gauge("state_bytes", "Size of the local state's files."),
		recoveryLeft:   gauge("recovery_remaining_records", "Offsets of the changelog that the recovery under way has still to read."),
		recoveryRate:   gauge("recovery_records_per_second", "Records a second of the recovery under way, or of the last one."),
		lastCommit:     gauge("last_commit_timestamp_seconds", "When all that was done was last seen committed, Unix time: its age grows while commits, or the work before them, stand still."),
		standbys:       gauge("standby_partitions", "Partitions of other instances of which this one keeps a standby copy."),
		standbyLag:     gauge("standby_lag_records", "Offsets of the changelog that the standby copies are behind its stable end."),
		standbyRecords: counter("standby_records_total", "Changelog records read into standby copies.").WithLabelValues(group),
		partitionLag: registry.Shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "customer360_engine_partition_lag_records",
			Help: "Records between the committed offset and the stable end, by owned partition."}, []string{"group", "topic", "partition"}), &errs),
		ready: gauge("ready", "1 when assigned, recovered, and caught up once."),
	}
	return m, errors.Join(errs...)
}

// disowned: lag is told by who owns the partition.
func (m *metrics) disowned(group string) {
	m.partitionLag.DeletePartialMatch(prometheus.Labels{"group": group})
	m.lag.Set(0)
}

// settled: a commit has ended, or there was nothing to commit.
func (m *metrics) settled() {
	m.lastCommit.SetToCurrentTime()
	m.settledAt.Store(time.Now().UnixMilli())
}
