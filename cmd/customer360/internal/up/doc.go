// Package up runs the whole line in one process and one folder: the embedded
// Kafka and Couchbase, the simulators of the three sources, and the pipeline,
// which does not know that its servers are embedded.
//
// Invariants
//
//   - The folder belongs to one process at a time (its lock file).
//   - The parts end in the order in which records flow: simulators and
//     pipeline first, with their last commits, then the servers.
//   - `--once` ends on what it sees in Kafka, never on a pause: two successive
//     sweeps with equal end offsets, no data record ahead of any reader, every
//     wanted email answered.
package up
