package csvdir

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/registry"
)

// metrics of one importer; all of them exist where there is no registry too.
type metrics struct {
	files     *prometheus.CounterVec
	rows      *prometheus.CounterVec
	fenced    prometheus.Counter
	errors    prometheus.Counter
	known     prometheus.Gauge
	held      prometheus.Gauge
	partial   prometheus.Gauge
	lastTime  prometheus.Gauge
	lastMTime prometheus.Gauge
	underWay  prometheus.Gauge
	seconds   prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	var errs []error
	gauge := func(name, help string) prometheus.Gauge {
		return registry.Shared(r, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "customer360", Subsystem: "csvdir", Name: name, Help: help}), &errs)
	}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "customer360", Subsystem: "csvdir", Name: name, Help: help}
	}
	m := &metrics{
		files: registry.Shared(r, prometheus.NewCounterVec(counter("files_total",
			"Files by how they ended here: done, held, failed, skipped (older), unchanged (touched), incomplete."), []string{"phase"}), &errs),
		rows: registry.Shared(r, prometheus.NewCounterVec(counter("rows_total",
			"Committed rows: written, rejected (dead letters), withdrawn (members)."), []string{"result"}), &errs),
		fenced:    registry.Shared(r, prometheus.NewCounter(counter("fenced_total", "Imports that another instance took over.")), &errs),
		errors:    registry.Shared(r, prometheus.NewCounter(counter("errors_total", "Faults after which the importer started over: broker, disk.")), &errs),
		known:     gauge("known_members", "Members known before the last import."),
		held:      gauge("held_files", "Files that wait for an operator: customer360 import --accept."),
		partial:   gauge("incomplete_files", "1 where the newest import was begun and its file is gone."),
		lastTime:  gauge("last_import_timestamp_seconds", "When the last import was done."),
		lastMTime: gauge("last_file_mtime_timestamp_seconds", "Modification time of the last imported file."),
		underWay:  gauge("import_rows", "Rows of the current import that are done; 0 where there is none."),
		seconds: registry.Shared(r, prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "customer360", Subsystem: "csvdir", Name: "import_duration_seconds",
			Help: "Duration of whole imports.", Buckets: prometheus.ExponentialBuckets(0.05, 4, 8)}), &errs),
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) count(c counts) {
	m.rows.WithLabelValues("written").Add(float64(c.written))
	m.rows.WithLabelValues("rejected").Add(float64(c.rejected))
	m.rows.WithLabelValues("withdrawn").Add(float64(c.withdrawn))
}
