package contest

import (
	"errors"
	"time"
)

// ErrVoid: the run's output was wrong, so its speed says nothing.
var ErrVoid = errors.New("the run is void")

// Measurement is what a contender's process says of itself when its last record
// is committed and everything is closed: one JSON line on stdout. Peers print
// the same, and leave out what they cannot know.
type Measurement struct {
	Contender  Contender `json:"contender"`
	Start      time.Time `json:"start"`                 // of the window
	Records    int64     `json:"records"`               // in the window
	Warmup     int64     `json:"warmup"`                // before it
	Seconds    float64   `json:"seconds"`               // of the window: from the end of the warm-up to the last commit
	CPU        float64   `json:"cpu_seconds"`           // user and system time of the process in it
	Process    float64   `json:"cpu_seconds_process"`   // of the whole process until this line
	RSS        float64   `json:"rss_peak_mib"`          // VmHWM; 0: not known on this system
	Allocs     float64   `json:"allocs,omitempty"`      // Go objects allocated in the window, per record
	AllocBytes float64   `json:"alloc_bytes,omitempty"` // and their bytes, per record
	Disk       int64     `json:"state_bytes"`           // of the local state's files, at the end
	GC         string    `json:"gc"`                    // settings of the garbage collector
	Job        string    `json:"job"`                   // settings that decide the work: state store, commit interval
}

// throughput is in records/s.
func (m Measurement) throughput() float64 { return float64(m.Records) / m.Seconds }

// cpuPerRecord is in microseconds.
func (m Measurement) cpuPerRecord() float64 { return m.CPU * 1e6 / float64(m.Records) }

// cpuOfProcess is in microseconds, over all records: start, warm-up and stop count.
func (m Measurement) cpuOfProcess() float64 { return m.Process * 1e6 / float64(m.Records+m.Warmup) }

// plausible refuses what cannot be a measurement of that many records.
func (m Measurement) plausible(records int64) error {
	if m.Records <= 0 || m.Records+m.Warmup < records || m.Seconds <= 0 || m.CPU <= 0 || m.Process < m.CPU {
		return errors.New("the line that it printed is no measurement of this run")
	}
	return nil
}
