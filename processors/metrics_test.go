package processors

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Two generations run side by side in one process: they count together, or each
// by its label.
func TestMetricsOfTwoGenerations(t *testing.T) {
	sum := func(reg *prometheus.Registry) (total float64, series int) {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "customer360_processors_documents_total" {
				for _, m := range f.GetMetric() {
					total += m.GetCounter().GetValue()
					series++
				}
			}
		}
		return total, series
	}
	together, apart := prometheus.NewRegistry(), prometheus.NewRegistry()
	for _, g := range []string{"1", "2"} {
		NewMetrics(together).documents.Inc()
		NewMetrics(prometheus.WrapRegistererWith(prometheus.Labels{"generation": g}, apart)).documents.Inc()
	}
	if total, series := sum(together); total != 2 || series != 1 {
		t.Errorf("together: %v in %d", total, series)
	}
	if total, series := sum(apart); total != 2 || series != 2 {
		t.Errorf("apart: %v in %d", total, series)
	}
}
