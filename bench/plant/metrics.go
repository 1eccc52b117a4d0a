package plant

import (
	"context"
	"fmt"
	"math"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Figures are a process's metrics at one moment.
type Figures map[string]*dto.MetricFamily

// Figures reads them.
func (q *Process) Figures(ctx context.Context) (Figures, error) {
	if err := q.Alive(); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.HTTP+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", q.Name, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", q.Name, err)
	}
	return families, nil
}

// Value is the sum of counters and gauges of that name whose labels include
// these.
func (f Figures) Value(name string, labels map[string]string) (sum float64) {
	for _, m := range f[name].GetMetric() {
		if matches(m, labels) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// Histogram is the one of that name and these labels.
func (f Figures) Histogram(name string, labels map[string]string) *dto.Histogram {
	for _, m := range f[name].GetMetric() {
		if matches(m, labels) {
			return m.GetHistogram()
		}
	}
	return nil
}

func matches(m *dto.Metric, labels map[string]string) bool {
	left := len(labels)
	for _, l := range m.GetLabel() {
		if v, ok := labels[l.GetName()]; ok && v == l.GetValue() {
			left--
		}
	}
	return left == 0
}

// Quantile estimates it of what came between two looks at a histogram, as
// histogram_quantile of Prometheus does: evenly within a bucket. NaN when nothing
// came; the highest bound when it lies above that.
func Quantile(q float64, before, after *dto.Histogram) float64 {
	then := map[float64]uint64{}
	for _, b := range before.GetBucket() {
		then[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	total := after.GetSampleCount() - before.GetSampleCount()
	if total == 0 {
		return math.NaN()
	}
	rank := q * float64(total)
	lower, below := 0.0, 0.0
	for _, b := range after.GetBucket() {
		count := float64(b.GetCumulativeCount() - then[b.GetUpperBound()])
		if math.IsInf(b.GetUpperBound(), 1) {
			break
		}
		if count >= rank && count > below {
			return lower + (b.GetUpperBound()-lower)*(rank-below)/(count-below)
		}
		lower, below = b.GetUpperBound(), count
	}
	return lower
}
