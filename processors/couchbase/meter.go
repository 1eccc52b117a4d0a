package couchbase

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/registry"
)

// outcome is what became of a message.
type outcome uint8

const (
	written    outcome = iota
	removed            // or its fence was left behind where there was nothing to remove
	superseded         // a newer message of the key was written
	unchanged          // Couchbase had it already
	outdated           // Couchbase had a newer one
	kept               // a foreign document was left alone
	skipped            // no document
	deadLetter
	abandoned // its session ended, or it must be fetched again
	outcomes
)

func (o outcome) String() string {
	return [...]string{"written", "removed", "superseded", "unchanged", "outdated", "kept", "skipped", "dead_letter", "abandoned"}[o]
}

// lookUp stands beside the steps in metrics and logs.
const lookUp = alreadyDone

func operationName(s step) string {
	if s == lookUp {
		return "look-up"
	}
	return s.String()
}

// meter counts for Status and for the metrics of one sink.
type meter struct {
	counts  [outcomes]atomic.Int64
	retries atomic.Int64
	flying  atomic.Int64
	last    atomic.Int64 // Unix nanoseconds of the last write or removal

	messages  [outcomes]prometheus.Counter
	skips     *prometheus.CounterVec
	failures  *prometheus.CounterVec
	foreigns  *prometheus.CounterVec
	seconds   [lookUp + 1][2]prometheus.Observer // by success
	failovers prometheus.Counter
	inFlights prometheus.Gauge
	lastWrite prometheus.Gauge

	mu      sync.Mutex
	foreign map[string]struct{} // keys that were logged
}

func newMeter(r prometheus.Registerer, sink string) (*meter, error) {
	var errs []error
	const prefix = "customer360_couchbase_"
	label := prometheus.Labels{"sink": sink}
	messages := registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "messages_total",
		Help: "Messages by what became of them: written, removed, superseded by a newer one, unchanged (done already), outdated (Couchbase has a newer one), kept (a foreign document), skipped, dead_letter, abandoned."},
		[]string{"sink", "outcome"}), &errs)
	seconds := registry.Shared(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + "operation_seconds",
		Help: "Time of an operation on a document, by kind and success.", Buckets: prometheus.ExponentialBuckets(0.0001, 3, 11)},
		[]string{"sink", "operation", "ok"}), &errs)
	m := &meter{
		skips: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "skipped_total",
			Help: "Records that are no document, by reason."}, []string{"sink", "reason"}), &errs).MustCurryWith(label),
		failures: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "failed_operations_total",
			Help: "Operations that failed, by what is done about it: transient and ambiguous ones are tried again, a lost race is decided anew, refused ones are dead letters, fatal ones stop the sink."},
			[]string{"sink", "class"}), &errs).MustCurryWith(label),
		foreigns: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "foreign_documents_total",
			Help: "Documents of somebody else that a message met: without a fence, by what was done (overwrite or keep), or changed under the fence of this process's last write (changed; overwritten)."}, []string{"sink", "action"}), &errs).MustCurryWith(label),
		failovers: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "failed_over_vbuckets_total",
			Help: "Vbuckets that answered with another history than before: a replica was promoted, and without durability its newest acknowledged writes may be lost."},
			[]string{"sink"}), &errs).With(label),
		inFlights: registry.Shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "in_flight_messages",
			Help: "Messages that are not in Couchbase yet."}, []string{"sink"}), &errs).With(label),
		lastWrite: registry.Shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "last_write_timestamp_seconds",
			Help: "When a document was last written or removed, Unix time."}, []string{"sink"}), &errs).With(label),
		foreign: map[string]struct{}{},
	}
	for o := range outcomes {
		m.messages[o] = messages.WithLabelValues(sink, o.String())
	}
	for s := range m.seconds {
		for ok := range m.seconds[s] {
			m.seconds[s][ok] = seconds.WithLabelValues(sink, operationName(step(s)), []string{"false", "true"}[ok])
		}
	}
	return m, errors.Join(errs...)
}

func (m *meter) count(o outcome, n int) {
	if n == 0 {
		return
	}
	m.counts[o].Add(int64(n))
	m.messages[o].Add(float64(n))
	if o == written || o == removed {
		now := time.Now()
		m.last.Store(now.UnixNano())
		m.lastWrite.Set(float64(now.UnixMilli()) / 1000)
	}
}

func (m *meter) skip(reason string) {
	m.count(skipped, 1)
	m.skips.WithLabelValues(reason).Inc()
}

func (m *meter) inFlight(n int) {
	if n != 0 {
		m.inFlights.Set(float64(m.flying.Add(int64(n))))
	}
}

func (m *meter) retry(c class) {
	m.retries.Add(1)
	m.failures.WithLabelValues(c.String()).Inc()
}

func (m *meter) operation(s step, start time.Time, err error) {
	ok := 1
	if err != nil {
		ok = 0
	}
	m.seconds[s][ok].Observe(time.Since(start).Seconds())
}

// maxForeign bounds the memory of what was logged once.
const maxForeign = 10_000

// foreignDocument counts, and says whether this key is to be logged, and
// whether it is the last one that is.
func (m *meter) foreignDocument(key, action string) (say, last bool) {
	m.foreigns.WithLabelValues(action).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, seen := m.foreign[key]; seen || len(m.foreign) >= maxForeign {
		return false, false
	}
	m.foreign[key] = struct{}{}
	return true, len(m.foreign) == maxForeign
}
