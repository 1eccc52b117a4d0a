// Package plant runs what is measured: a real Kafka broker (deploy/stack), the
// embedded Couchbase node, and programs on them, each a process of its own, and
// reads what each of them uses.
//
// # Invariants
//
//   - A plant is one cluster in one new folder: nothing that an earlier run left
//     is in its topics, caches or files.
//   - Everything that a plant has started has ended when End returns.
//   - The product runs from a configuration file that names addresses, and leaves
//     everything else to its defaults.
//
// # Not obvious
//
// CPU time and memory come from /proc, so they need Linux. CPU time is counted in
// ticks of 10 ms: read it over seconds.
package plant
