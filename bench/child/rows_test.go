package child

import (
	"maps"
	"testing"
	"time"

	"customer360/bench/result"
)

func TestRowsArePerRecord(t *testing.T) {
	s := Spent{Records: 1000, Took: 2 * time.Second, CPU: 5 * time.Millisecond, Allocs: 3000, Bytes: 64_000}
	want := map[string]float64{result.Throughput: 500, result.CPU: 5, result.Allocs: 3, result.AllocBytes: 64}
	for _, servers := range []time.Duration{-1, 7 * time.Millisecond} {
		if servers > 0 {
			want[result.BrokerCPU] = 7
		}
		got := map[string]float64{}
		for _, r := range s.Rows(result.Row{Benchmark: "b", Contender: "c"}, servers) {
			got[r.Metric] = r.Value
			if r.Benchmark != "b" || r.Contender != "c" || r.Unit == "" {
				t.Errorf("row %+v", r)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("with %v of the servers: %v, want %v", servers, got, want)
		}
	}
}
