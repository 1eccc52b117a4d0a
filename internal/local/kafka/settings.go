package kafka

import "strconv"

const (
	// MaxMessageBytes is the largest batch the node takes: an answer of the
	// store may have 16 MiB, and its record adds key, headers and framing.
	MaxMessageBytes = 17 << 20

	// SegmentBytes is small, so that retention and compaction free space soon.
	// Topics may override it by segment.bytes.
	SegmentBytes = 4 << 20

	// A hundred years. kfake multiplies minutes into a time.Duration, so Kafka's
	// own maximum (2^31-1 minutes) overflows to a negative retention, which
	// would drop every committed offset at the first check.
	offsetsRetentionMinutes = 100 * 365 * 24 * 60

	// Ten years: never. kfake's cleaner must not run by itself: it compacts
	// across open transactions (a record of an aborted one can take away the
	// committed record before it), it moves the start of the log past offsets
	// that groups have committed, and it deletes a partition's files before it
	// has written the new ones, so a kill in between loses the partition.
	cleanerNeverMillis = 10 * 365 * 24 * 3600 * 1000
)

// Settings are the node's own settings, by Kafka's names: those of the embedded
// broker and of kafkatest, so that tests meet the limits of the real thing.
func Settings() map[string]string {
	return map[string]string{
		"message.max.bytes":         strconv.Itoa(MaxMessageBytes),
		"log.segment.bytes":         strconv.Itoa(SegmentBytes),
		"offsets.retention.minutes": strconv.Itoa(offsetsRetentionMinutes),
		"log.cleaner.backoff.ms":    strconv.Itoa(cleanerNeverMillis),
	}
}
