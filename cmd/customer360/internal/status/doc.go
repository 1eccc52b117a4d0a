// Package status tells how all instances of a product stand, from what Kafka
// knows (groups, members, partitions, committed offsets) and from what the
// members say themselves: each join carries the address of their /status. A
// member that cannot be reached is told as such; the rest stands without it.
package status
