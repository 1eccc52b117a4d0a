package topology

import (
	"strconv"
	"time"
)

// MaxMessageBytes is what every topic takes: an answer of the store may have
// 16 MiB, plus keys and headers.
const MaxMessageBytes = 17 << 20

// Retention of the internal topics (DESIGN section 2).
const (
	TombstoneRetention = 8 * 24 * time.Hour
	RecordsRetention   = 7 * 24 * time.Hour
	PollsRetention     = 24 * time.Hour
	DeadRetention      = 14 * 24 * time.Hour
	RawCompactionLag   = 7 * 24 * time.Hour
)

// Topic is one topic with the settings that correctness needs.
type Topic struct {
	Name       string `json:"name"`
	Key        string `json:"key"` // what its records are keyed by, for people
	WrittenBy  string `json:"written_by"`
	Partitions int32  `json:"partitions"`
	// External topics are somebody else's (Debezium's): they may have any
	// partition count, and are created only where they are missing.
	External bool `json:"external,omitempty"`
	// Config holds Kafka's topic settings.
	Config map[string]string `json:"config"`
}

// Compacted says whether the topic keeps the last record of each key.
func (t Topic) Compacted() bool { return t.Config["cleanup.policy"] == "compact" }

func compacted(extra map[string]string) map[string]string {
	c := map[string]string{
		"cleanup.policy":      "compact",
		"delete.retention.ms": millis(TombstoneRetention),
		"max.message.bytes":   strconv.Itoa(MaxMessageBytes),
	}
	for k, v := range extra {
		c[k] = v
	}
	return c
}

func deleted(after time.Duration) map[string]string {
	return map[string]string{
		"cleanup.policy":    "delete",
		"retention.ms":      millis(after),
		"max.message.bytes": strconv.Itoa(MaxMessageBytes),
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
