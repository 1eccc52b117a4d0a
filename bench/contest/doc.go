// Package contest runs contenders over one input, each as a process of its own
// on one broker, and measures them.
//
// # A run
//
// Records are on the broker before it, once in each form (Place.Fill). Each run
// has fresh output topics, changelogs, a fresh group and an empty folder
// (Place.Fresh). The window leaves out the first records: joining the group,
// first inserts, growing heaps, a JVM's compilers. The last record counts when
// the group's commit of it is in the broker.
//
// # Contenders
//
//   - customer360: processors.Merge on topology/engine, both as shipped, exactly
//     once, configured as `customer360 run` configures them (Engine).
//   - customer360-json: the same, records as JSON (processors.MergeConfig.Decode).
//   - raw, raw-txn: the limit. franz-go consumes what customer360 reads and
//     produces it unchanged to the documents topic, acks=all and idempotent;
//     raw-txn in transactions as long as a commit interval. They read no value,
//     have no state and no changelog.
//
// # Invariants
//
//   - A contender that failed and was replaced within its run is void.
//   - A topic that holds other records than those asked for is refused.
package contest
