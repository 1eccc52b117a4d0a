package processors

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of rekey and merge. They count what callbacks did: records of a
// transaction that was aborted are counted again when they come back.
type Metrics struct {
	ignored     *prometheus.CounterVec // source, reason
	deadLetters *prometheus.CounterVec // source
	records     prometheus.Counter
	documents   prometheus.Counter
	removals    prometheus.Counter
	unchanged   prometheus.Counter
	quarantined prometheus.Counter
}

// NewMetrics registers the metrics; a nil registry leaves them unregistered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "customer360", Subsystem: "processors", Name: name + "_total", Help: help}
	}
	m := &Metrics{
		ignored: prometheus.NewCounterVec(opts("ignored", "Raw records that are none of ours, by source and reason."),
			[]string{"source", "reason"}),
		deadLetters: prometheus.NewCounterVec(opts("dead_letters", "Records that rekey and merge could not use, by source."),
			[]string{"source"}),
		records:     prometheus.NewCounter(opts("records", "Differences that rekey wrote to customer360.records.")),
		documents:   prometheus.NewCounter(opts("documents", "Documents that merge wrote because their bytes changed.")),
		removals:    prometheus.NewCounter(opts("removals", "Documents that merge removed.")),
		unchanged:   prometheus.NewCounter(opts("unchanged", "Records that merge read and that left the document as it was.")),
		quarantined: prometheus.NewCounter(opts("quarantined", "Document keys that merge quarantined.")),
	}
	if reg != nil {
		reg.MustRegister(m.ignored, m.deadLetters, m.records, m.documents, m.removals, m.unchanged, m.quarantined)
	}
	return m
}
