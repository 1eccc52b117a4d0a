package contest

import "customer360/bench/result"

// rows are those that the contender's own process knows.
func (m Measurement) rows(r result.Row) []result.Row {
	var rows []result.Row
	add := func(metric, unit string, value float64) {
		r.Metric, r.Unit, r.Value = metric, unit, value
		rows = append(rows, r)
	}
	add(result.Throughput, "records/s", m.throughput())
	add(result.CPU, "us/record", m.cpuPerRecord())
	add("cpu_process", "us/record", m.cpuOfProcess())
	if m.RSS > 0 {
		add(result.RSSPeak, "MiB", m.RSS)
	}
	if m.Allocs > 0 {
		add(result.Allocs, "allocs/record", m.Allocs)
		add(result.AllocBytes, "B/record", m.AllocBytes)
	}
	add(result.Disk, "MiB", float64(m.Disk)/(1<<20))
	add("window", "s", m.Seconds)
	return rows
}
