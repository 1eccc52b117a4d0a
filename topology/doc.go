// Package topology is the graph as values: sources, topics, groups, tables,
// partitions and retention, and every Kafka setting once. Commands create,
// check and draw it; processors and emitters take their names from it; nothing
// else in the product spells a topic.
//
// Invariants
//
//   - Every topic is partitioned by Java's murmur2, which Debezium's producer
//     uses too: NewHasher for goka, Partition for everything else.
//   - What belongs to one generation carries its number (".g1"); what outlives
//     generations (raw topics, the poller's group and table) does not.
//   - Topics that rekey reads alone may have any partition count, and their
//     group's table has the same; all others have Settings.Partitions.
package topology
