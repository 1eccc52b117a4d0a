package child

import (
	"fmt"
	"runtime/metrics"
	"time"
)

// Usage is what this process has used since it started.
type Usage struct {
	At     time.Time
	CPU    time.Duration // user and system time
	Allocs uint64        // objects on the heap
	Bytes  uint64        // of them
}

// Use is the usage as of now.
func Use() (Usage, error) {
	cpu, err := cpuTime()
	if err != nil {
		return Usage{}, err
	}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/tiny/allocs:objects"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return Usage{}, fmt.Errorf("this Go has no metric %s", s.Name)
		}
	}
	return Usage{At: time.Now(), CPU: cpu, Allocs: samples[0].Value.Uint64() + samples[2].Value.Uint64(), Bytes: samples[1].Value.Uint64()}, nil
}

// Spent is the difference between two usages, over a number of records.
type Spent struct {
	Start   time.Time     `json:"start"`
	Records int64         `json:"records"`
	Took    time.Duration `json:"took"`
	CPU     time.Duration `json:"cpu"`
	Allocs  uint64        `json:"allocs"`
	Bytes   uint64        `json:"bytes"`
}

// Since is what was used since before.
func (u Usage) Since(before Usage, records int64) Spent {
	return Spent{Start: before.At, Records: records, Took: u.At.Sub(before.At), CPU: u.CPU - before.CPU,
		Allocs: u.Allocs - before.Allocs, Bytes: u.Bytes - before.Bytes}
}
