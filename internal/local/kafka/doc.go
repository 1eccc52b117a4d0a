// Package kafka is the embedded broker of local mode: kfake, one node, with a
// data folder, on a port of 127.0.0.1 that any Kafka client can use.
//
// It owns the folder it is given and the settings of the node. Topics and their
// settings belong to whoever creates them: automatic creation is off.
//
// # Invariants
//
//   - Nothing is acknowledged and lost. kfake answers group commits and EndTxn
//     as done even when its own write failed, and only logs the failure. So Run
//     watches that log and the free space of the disk, and takes the node away
//     from its clients before the disk is full (see disk.go, watch.go).
//   - Committed offsets never expire: the retention is the longest that kfake
//     can express (see settings.go for the overflow beyond it).
//   - kfake's own compaction never runs (see settings.go for the three reasons).
//
// # Not obvious
//
// kfake speaks the KIP-848 group protocol, but a second member got stuck in it:
// clients must use the classic protocol, which is the default of kgo, sarama,
// librdkafka and Java below 4.0. Transactions are of version 2 (KIP-890).
package kafka
