// Package local runs one of the embedded parts of `up` in a process of its own:
// the Couchbase node, the Kafka broker, or the simulated sources. The folder is
// laid out as that of `up`, so that `customer360 --dir` finds the same things.
//
// Invariants
//
//   - One process per part and folder (DIR/PART.lock).
//   - The one thing on stdout is the part's addresses, once it can be used.
//   - A part ends in order when ctx ends; what it acknowledged is there at the
//     next start.
package local
