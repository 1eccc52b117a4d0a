// Package processors owns the two steps between the raw topics and the
// documents, as goka graphs beside the pure functions that decide everything:
//
//	raw topic ─► rekey (one group a source) ─► customer360.records ─► merge ─► customer360.documents
//
// rekey turns "this is what identity 27 says now" into the differences to what
// it said before; merge keeps per document key one register for each identity
// that ever said something about it, and folds them into the document.
//
// Invariants
//
//   - No clock, no randomness, no I/O (the pin of a topic's key form and schemas by their id apart):
//     what is emitted is a function of the log up to the record at hand.
//   - A version is an offset of the raw topic, a fence one of the records topic.
//   - The document depends on what the registers hold and on the ids in them,
//     never on versions or the order of arrival.
//   - Bytes that were given to SetValue or Emit belong to the engine: they are
//     never written to again. Bytes that Value returned are only read.
//   - Nothing is emitted or stored that is larger than MaxRecordBytes.
//   - No input stops a group, with two exceptions, both of which would split a
//     row's state over two partitions: another form of the keys, and a foreign
//     partitioner (Guard). A record whose schema cannot be asked for waits
//     (codec.ErrLater); one whose registry refuses us stops the source.
//
// Non-obvious
//
//   - An identity's table entry outlives its assertions where the decoder keeps
//     a position: else old events would be taken for new after a delete.
//   - A withdrawn register stays in merge's table with its version, and counts
//     for the limit of registers, so that a quarantine does not depend on who
//     had left before the last one came.
//   - A key's form is judged behind the decoder: a record that says nothing (a
//     heartbeat, garbage) neither pins a form nor stops the source.
//   - goka hands over keys as strings, so null and empty cannot be told apart:
//     both are no key.
package processors
