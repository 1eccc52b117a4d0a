// Package sink measures what the fence costs: the product's sink of documents
// against plain upserts by the SDK.
//
// Both do one job: the documents topic, as merge writes it, into a bucket of the
// embedded Couchbase node, with the same durability, the same bodies and the
// same number of operations in flight.
//
//   - fenced: processors/couchbase.Sink as the pipeline builds it, on the engine
//     with its defaults; its workers are the operations in flight.
//   - plain: franz-go reads the topic and hands the records to as many
//     goroutines, which call gocb's Collection.Upsert (or Remove, for nulls) with
//     the value as it is. It looks at no header, keeps no order, commits no
//     offset and survives no fault: the limit, not an alternative.
//
// Broker (kfake, in memory) and node are in a process of their own, each
// contender in another; a case (round, contender, in flight) has new ones. The
// CPU, and the allocations, are the contender's; broker_cpu is what broker and
// node use meanwhile.
//
// # Operations
//
//   - insert: every key for the first time.
//   - rewrite: every key again with another body, by the same process: a sink
//     that was not restarted.
//   - replay: the rewrites once more, by a new process whose offset is before
//     them, as after a rebuild or the loss of a commit. fenced has nothing to write.
//   - remove: every key, a null each.
//
// The records of an operation become visible all at once, by the commit of the
// transaction that wrote them; an operation's first tenth is warm-up.
//
// # Invariants
//
//   - After each operation every key has the body that it must have, and for
//     fenced the fence, also on the tombstones; else the run is void.
//   - The clock stops when the last message is done, not when its offset is
//     committed: plain commits none.
package sink
