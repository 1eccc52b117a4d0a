// Package kafka is the embedded broker of local mode: kfake, one node, with a
// data folder, on a port of 127.0.0.1 that any Kafka client can use.
//
// It owns the folder it is given and the settings of the node. Topics and their
// settings belong to whoever creates them: automatic creation is off.
//
// # Invariants
//
//   - Nothing is acknowledged and lost. kfake answers group commits and EndTxn
//     as done even when its own write failed, and only logs the failure. So the
//     node ends at the first such line, before the answer leaves (watch.go), and
//     in order before the disk is full (disk.go).
//   - A transaction is committed everywhere or nowhere, also when a kill comes
//     between two of its markers: the decision is noted first (journal.go) and
//     finished at the next start (redo.go).
//   - Committed offsets never expire (settings.go), and the start of a compacted
//     log never moves past one (compact.go).
//   - The folder does not grow for ever: superseded and expired records are
//     cleared away while the node is at rest (clean.go). kfake's own compaction
//     never runs (settings.go says why).
//
// # Reader's path
//
// broker.go runs nodes behind one door (door.go); open.go is what happens before
// a node: mend.go repairs what a kill left, clean.go makes space. layout.go and
// lines.go know kfake's files; a new kfake version has to be held against them.
//
// # Not obvious
//
// A cleaning exchanges the node. Open transactions, group members and fetch
// sessions live on in kfake's session state; clients see a broken connection and
// go on after their retry backoff, 0.25 to 0.35 s with kgo.
//
// kfake speaks the KIP-848 group protocol, but a second member got stuck in it:
// clients must use the classic protocol, which is the default of kgo, sarama,
// librdkafka and Java below 4.0. Transactions are of version 2 (KIP-890).
//
// kfake ignores the errors of fsync. SyncWrites is about power failures only: a
// process that is killed loses nothing that the system has taken.
package kafka
