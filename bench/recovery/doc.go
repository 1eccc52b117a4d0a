// Package recovery measures how a state comes back, and how the next one is built:
//
//   - recovery: an instance of merge, or Kafka Streams, starts with an empty folder
//     and fills it from its own changelog of the same customers. The time counts
//     from the start of the process until it runs; CPU time and memory are those of
//     the process until then (of the peer until it has ended).
//   - takeover: one of two instances of merge leaves in order; the time counts from
//     the signal until the other one has and runs all partitions, with a standby
//     copy of the state and without.
//   - rebuild: `customer360 rebuild` builds the next generation from the raw topics
//     while rekey and merge of the former one serve; the time is the command's.
//
// # Invariants
//
// A recovery counts when every customer had a document before, and a tenth of the
// records, given again afterwards, changes none: whoever has lost the state takes
// them for new. A rebuild counts when `rebuild diff` finds no difference between
// the two generations.
package recovery
