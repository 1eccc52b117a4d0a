package chaos

import (
	"bytes"
	"maps"
	"slices"
)

// Report is what a run found. Faults are those that could be played.
type Report struct {
	Seconds float64      `json:"seconds"`
	Seed    uint64       `json:"seed"`
	Faults  map[Kind]int `json:"faults"`
	// Exits are ends of processes by themselves; each was started again.
	Exits     int `json:"exits"`
	Records   int `json:"records"`   // in the raw topics
	Compacted int `json:"compacted"` // of them, what compaction leaves
	Documents int `json:"documents"` // of the model, in customer360
	Staged    int `json:"staged"`    // and in staging

	Findings

	Letters     int      `json:"dead_letters"`
	Unexplained []string `json:"unexplained_dead_letters"`
	Quarantined int      `json:"quarantined"`
	// Takeover times are of the calm after the faults, by how an instance left.
	Takeover map[string]Takeover `json:"takeover_ms"`
}

// Findings are what is wrong in buckets.
type Findings struct {
	Differences int `json:"differences"` // documents with other bytes
	TooMany     int `json:"too_many"`
	Missing     int `json:"missing"`

	// First holds some keys that are wrong, by bucket; never bodies, which have
	// passwords.
	First map[string][]string `json:"first,omitempty"`
}

// Wrong counts them.
func (f Findings) Wrong() int { return f.Differences + f.TooMany + f.Missing }

// Right says whether nothing is wrong.
func (r Report) Right() bool {
	return r.Wrong()+len(r.Unexplained) == 0 && r.Documents > 0 && r.Records > 0
}

// firstKeys bounds First.
const firstKeys = 10

// compare adds what is wrong in a bucket.
func (f *Findings) compare(bucket string, got, want map[string][]byte) {
	wrong := func(count *int, what, key string) {
		*count++
		if len(f.First[bucket]) < firstKeys {
			if f.First == nil {
				f.First = map[string][]string{}
			}
			f.First[bucket] = append(f.First[bucket], what+" "+key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		body, ok := got[key]
		switch {
		case !ok:
			wrong(&f.Missing, "missing", key)
		case !bytes.Equal(body, want[key]):
			wrong(&f.Differences, "differs", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			wrong(&f.TooMany, "too many", key)
		}
	}
}
