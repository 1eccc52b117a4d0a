package registry

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestTwoOfAKind(t *testing.T) {
	r := prometheus.NewRegistry()
	var errs []error
	counter := func(name string) prometheus.Counter {
		return Shared(r, prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: "h"}), &errs)
	}
	counter("a_total").Inc()
	counter("a_total").Inc()
	// A generation's own, beside another's.
	for _, g := range []string{"1", "2", "2"} {
		Shared(prometheus.WrapRegistererWith(prometheus.Labels{"generation": g}, r),
			prometheus.NewCounter(prometheus.CounterOpts{Name: "b_total", Help: "h"}), &errs).Inc()
	}
	for i := range 2 {
		Newest(r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "c", Help: "h"}, func() float64 { return float64(i) }), &errs)
	}
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if Shared(nil, prometheus.NewCounter(prometheus.CounterOpts{Name: "a_total", Help: "h"}), &errs) == nil {
		t.Error("no counter without a registry")
	}
	Newest(nil, prometheus.NewCounter(prometheus.CounterOpts{Name: "a_total", Help: "h"}), &errs)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if want := (map[string]float64{"a_total": 2, "b_total1": 1, "b_total2": 2, "c": 1}); len(got) != 4 || got["a_total"] != 2 || got["b_total1"] != 1 || got["b_total2"] != 2 || got["c"] != 1 {
		t.Errorf("%v, want %v", got, want)
	}

	// Another kind under the same name is an error.
	Shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "a_total", Help: "h"}, []string{"l"}), &errs)
	Newest(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "c", Help: "other"}, []string{"l"}), &errs)
	if len(errs) != 2 {
		t.Errorf("%d errors, want 2: %v", len(errs), errs)
	}
}
