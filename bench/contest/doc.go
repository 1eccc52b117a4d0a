// Package contest runs contenders over one input, one after the other, round
// after round, and measures them.
//
// Each run has a new broker in memory, filled before the clock starts, and ends
// when the group's last commit is in the broker. The window leaves out the
// first Warmup records: joining the group, first inserts, growing heaps. The
// last record counts when it is committed.
//
// # Contenders
//
//   - merge: processors.Merge on topology/engine, both as shipped, exactly once,
//     with the engine's default settings.
//   - raw: the limit. franz-go consumes the input and produces it unchanged to
//     the documents topic, in transactions of 100 ms. It reads no value, has no
//     state and no changelog.
//
// # What the figures hold for
//
// The broker (kfake) is in the measured process: CPU and throughput are of both
// together, so the ratio of merge to raw is smaller than that of the contenders
// alone, and no figure here compares with one of a process apart. kfake is no
// Kafka: it has one node, one core, no disk and no replication.
//
// # Invariants
//
//   - A run counts only when its output is right: as many live documents as
//     keys, equal ones in every round; for raw every record once. Else Run fails
//     with ErrVoid.
//   - A contender that failed and was replaced within its run is void as well.
package contest
