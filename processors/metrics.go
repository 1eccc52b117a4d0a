package processors

import (
	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/registry"
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

// NewMetrics registers the metrics; a nil registry leaves them unregistered. Who
// asks a second time counts in the same ones: a generation that is to be told from
// another brings a registerer with a label (prometheus.WrapRegistererWith). It
// panics, as MustRegister does, where a name is taken by something else.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "customer360", Subsystem: "processors", Name: name + "_total", Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return shared(reg, prometheus.NewCounter(opts(name, help)))
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return shared(reg, prometheus.NewCounterVec(opts(name, help), labels))
	}
	return &Metrics{
		ignored:     vector("ignored", "Raw records that changed nothing, since they are none of ours or older than what is known, by source and reason.", "source", "reason"),
		deadLetters: vector("dead_letters", "Records that rekey and merge could not use, by source.", "source"),
		records:     counter("records", "Differences that rekey wrote to customer360.records."),
		documents:   counter("documents", "Documents that merge wrote because their bytes changed."),
		removals:    counter("removals", "Documents that merge removed."),
		unchanged:   counter("unchanged", "Records that merge read and that left the document as it was."),
		quarantined: counter("quarantined", "Document keys that merge quarantined."),
	}
}

func shared[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var errs []error
	if c = registry.Shared(reg, c, &errs); len(errs) > 0 {
		reg.MustRegister(c)
	}
	return c
}
