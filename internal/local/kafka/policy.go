package kafka

import (
	"strconv"
	"strings"
)

// policy is what a topic's settings say about getting rid of records.
type policy struct {
	compact, delete    bool
	retention          int64 // ms; negative: for ever
	retentionBytes     int64 // negative: any number
	tombstones, minLag int64 // ms
	segment            int64
}

func policyOf(t storedTopic) policy {
	number := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(t.Configs[name], 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	const day = 24 * 3600 * 1000
	cleanup := t.Configs["cleanup.policy"]
	return policy{
		compact:        strings.Contains(cleanup, "compact"),
		delete:         cleanup == "" || strings.Contains(cleanup, "delete"),
		retention:      number("retention.ms", 7*day),
		retentionBytes: number("retention.bytes", -1),
		tombstones:     number("delete.retention.ms", day),
		minLag:         number("min.compaction.lag.ms", 0),
		segment:        number("segment.bytes", SegmentBytes),
	}
}
