// Package latency measures merge alone, exactly once, at fixed rates: from the
// moment at which a record was due to be produced until its document is in the
// hands of a read_committed consumer.
//
// Records are joined to documents by the fence header, which is the record's
// offset plus 1. Records that do not change the document have none, and no part
// in the figures. Producer and consumer are in this process, the contender and the
// broker each in one of their own; each contender has a new broker.
//
// While a rate lasts, the contender's CPU time per record, and of the product the
// pause that its commits impose on callbacks (benchmark commit), are measured too.
// The last figure of the product is the pause while it works off a backlog.
//
// # Invariants
//
//   - A rate counts when each record that has to change its document has one: the
//     runs of all contenders give as many documents for as many records.
package latency
