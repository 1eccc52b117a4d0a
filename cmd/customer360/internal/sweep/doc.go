// Package sweep withdraws rows of Home Delivery that a new snapshot no longer
// holds: for each it writes a null into the raw topic, so that every rebuild knows
// of it. Debezium writes no delete for a row that vanished while nobody watched.
//
// Invariants
//
//   - Only the newest snapshot counts, and only where its last row is marked. A row
//     that came or changed after it is never touched.
//   - A null is only committed if no record of its key has come between what was
//     read and the null: it is written in a transaction, what lies in front of it
//     is read (uncommitted records too), and the transaction is aborted where the
//     row has come back. So no reader ever sees a withdrawal of a row that is there,
//     and compaction, which keeps the last record, keeps the right one.
//   - It goes to the partition of the row's records, under the same key bytes, and
//     its headers say who wrote it and why.
//
// Non-obvious
//
//   - Rows of one snapshot have the same place in the binlog. Two snapshots of a
//     database that stood still have it too: then the mark of the first row and the
//     records' times tell them apart; without it a row of the former counts as held.
//   - What a row is, is decided by the decoder's Accept, as rekey does: a d that is
//     refused as old leaves its row.
package sweep
