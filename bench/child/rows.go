package child

import (
	"time"

	"customer360/bench/result"
)

// Rows are throughput, CPU time and allocations per record, like row in all else.
// servers is the CPU time of the servers meanwhile; below 0: not known.
func (s Spent) Rows(row result.Row, servers time.Duration) []result.Row {
	var rows []result.Row
	add := func(metric, unit string, value float64) {
		row.Metric, row.Unit, row.Value = metric, unit, value
		rows = append(rows, row)
	}
	n := float64(s.Records)
	perRecord := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / n }
	add(result.Throughput, "records/s", n/s.Took.Seconds())
	add(result.CPU, "us/record", perRecord(s.CPU))
	if servers >= 0 {
		add(result.BrokerCPU, "us/record", perRecord(servers))
	}
	add(result.Allocs, "allocs/record", float64(s.Allocs)/n)
	add(result.AllocBytes, "B/record", float64(s.Bytes)/n)
	return rows
}
