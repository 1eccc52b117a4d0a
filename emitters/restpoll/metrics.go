package restpoll

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/topology/registry"
)

// metrics count what the poller does. No label holds an email.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	decisions *prometheus.CounterVec
	delay     prometheus.Histogram
}

// register makes the metrics and registers them; gauges read the agendas when
// they are scraped.
func (p *Poller) register(r prometheus.Registerer) error {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "customer360", Subsystem: "restpoll", Name: name, Help: help}
	}
	var errs []error
	p.metrics = metrics{
		requests: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts(opts("requests_total",
			"Requests to the Online Store, by endpoint and HTTP status, or error where there was none.")), []string{"endpoint", "status"}), &errs),
		duration: registry.Shared(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "customer360", Subsystem: "restpoll", Name: "request_seconds",
			Help:    "Duration of a request to the Online Store, its body included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
		}, []string{"endpoint"}), &errs),
		decisions: registry.Shared(r, prometheus.NewCounterVec(prometheus.CounterOpts(opts("decisions_total",
			"Messages of the group, by what came of them: wanted, unwanted, published, unchanged, bad, failed, late and others. Repeated after an aborted transaction.")), []string{"outcome"}), &errs),
		delay: registry.Shared(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "customer360", Subsystem: "restpoll", Name: "start_delay_seconds",
			Help:    "How long after it was due a poll started.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 10),
		}), &errs),
	}
	gauge := func(name, help string, value func(c counts) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), func() float64 { return value(p.schedule.counts(p.now())) })
	}
	for _, c := range []prometheus.Collector{
		gauge("wanted", "Emails to poll in this instance's partitions.", func(c counts) float64 { return float64(c.wanted) }),
		gauge("unanswered", "Emails among them that lack their first answer.", func(c counts) float64 { return float64(c.wanted - c.answered) }),
		gauge("parked", "Emails of an older generation that no document has confirmed yet.", func(c counts) float64 { return float64(c.parked) }),
		gauge("requests_in_flight", "Polls and product requests under way.", func(c counts) float64 { return float64(c.flight) }),
		gauge("circuit_open", "1 while the store counts as down and only single requests probe it.", func(c counts) float64 { return float64(btoi(c.circuitOpen)) }),
		gauge("lag_seconds", "How long the email that waits longest has been due.", func(c counts) float64 { return c.lag.Seconds() }),
		gauge("partitions", "Partitions that this instance owns.", func(c counts) float64 { return float64(c.partitions) }),
	} {
		registry.Newest(r, c, &errs)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("registering the metrics of restpoll: %w", err)
	}
	return nil
}

// asked observes one request.
func (p *Poller) asked(endpoint string, status int, err error, took time.Duration) {
	p.requests.Add(1)
	label := "error"
	if err == nil {
		label = strconv.Itoa(status)
	}
	p.metrics.requests.WithLabelValues(endpoint, label).Inc()
	p.metrics.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}
