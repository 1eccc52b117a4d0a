package scaleout

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report of a run; the last line of the program is this as JSON.
type Report struct {
	Customers   int    `json:"customers"`
	Records     int    `json:"records"` // customers and updates
	Standbys    int    `json:"standbys"`
	Steps       []Step `json:"steps"`
	Calm        Cost   `json:"calm"`
	Documents   int    `json:"documents"`
	Differences int    `json:"differences"` // from the calm run's
}

// Step is one change of the instances.
type Step struct {
	What      string          `json:"what"`
	Instances int             `json:"instances"` // afterwards
	Settled   time.Duration   `json:"settled_ns"`
	Stayed    []time.Duration `json:"stayed_ns"` // the longest pause of each partition that stayed, ascending
	Moved     []time.Duration `json:"moved_ns"`
}

// Cost of the customers, in a calm run of one process that begins when all raw
// records are there.
type Cost struct {
	Seconds    float64          `json:"seconds"`
	Process    Usage            `json:"process"`
	StateBytes int64            `json:"state_bytes"` // leveldb, all tables
	TopicBytes map[string]int64 `json:"topic_bytes"`
}

func (s Step) String() string {
	return fmt.Sprintf("%-34s %d instances, settled after %7v; stood still, median and longest: %d partitions that stayed %s, %d that moved %s",
		s.What, s.Instances, s.Settled.Round(time.Millisecond), len(s.Stayed), spread(s.Stayed), len(s.Moved), spread(s.Moved))
}

func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "-"
	}
	return fmt.Sprintf("%v, %v", d[len(d)/2].Round(time.Millisecond), d[len(d)-1].Round(time.Millisecond))
}

func sortDurations(d []time.Duration) []time.Duration {
	slices.Sort(d)
	return d
}

// print is for people.
func (c Cost) print(w io.Writer, customers int) {
	const mib = 1 << 20
	fmt.Fprintf(w, "calm run of one process: %.1f s, %.1f s of CPU, %d MiB of memory at most, %d MiB of leveldb (%d bytes a customer)\n",
		c.Seconds, c.Process.CPU.Seconds(), c.Process.MemoryBytes/mib, c.StateBytes/mib, c.StateBytes/int64(customers))
	var names []string
	for name, size := range c.TopicBytes {
		if size >= 1<<16 && !strings.HasPrefix(name, "__") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "  %-40s %6d MiB (%d bytes a customer)\n", name, c.TopicBytes[name]/mib, c.TopicBytes[name]/int64(customers))
	}
}
