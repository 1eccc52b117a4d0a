// Package debezium owns what Debezium's MySQL and MariaDB connectors write
// about one table, from 0.9 to 3.x: the shapes of the records, their order, and
// the mapping from columns to fields. Records of connectors without a binlog
// (PostgreSQL, SQL Server) have the same shapes and follow the log.
//
// Shapes. A value is an envelope (before, after, source, op) or a flat row
// (after ExtractNewRecordState), either bare or wrapped in schema and payload.
// All of it is told from the record alone, so a topic may change its shape.
// Only the form of the keys must not change: see KeyForm.
//
// Non-obvious
//
//   - Delivery is at least once with new Kafka offsets, so the order is that of
//     the binlog: file number, position, row. An event at the stored position
//     counts again, only an older one is refused. See accept.go.
//   - A snapshot's record has server id 0: unknown, and never compared.
//   - An identity that has only seen a snapshot takes the first streamed event
//     of any server: its position cannot be compared with that of a snapshot
//     which a failover may lie behind.
//   - RESET MASTER begins positions anew. A new snapshot sets them for the rows that
//     there are. A row that is gone takes a c of a later time (source.ts_ms) from
//     any place; the times of a row's events decide nothing else.
//   - A tombstone says nothing that its d has not said, except where compaction
//     has eaten the d: so it withdraws, unless it follows a d that was refused.
//   - Positions of 0 (MariaDB 11.4 without binlog_legacy_event_pos) give way to
//     the GTID's sequence, then to the place in the transaction. Where one pos is a
//     whole transaction's, only total_order tells its statements apart.
//   - A row that lacks the email's column is an error and changes nothing,
//     unlike a row whose email is null: the mapping is wrong, not the row.
//   - The external id is the mapped id column. Where the row has none it comes
//     from the Kafka key; the parts of a composite key are joined by "/".
package debezium
