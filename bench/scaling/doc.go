// Package scaling measures what a record costs in merge when instances, partitions
// or customers become more.
//
//   - scaling: instances of merge share the partitions; then they get a backlog. The
//     CPU time per record is that of all instances together, from there to the last
//     commit, so starting and joining are left out.
//   - growth: one instance gets all its customers, and then the same number of
//     updates of them, which are measured. Its peak memory is that of both.
//
// # Invariants
//
// A run counts when the documents topic has as many documents as the other cases of
// the same records have; of a growth, at least one for each customer.
package scaling
