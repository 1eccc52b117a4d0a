// Package newest folds topics to the newest record of each key, in flat memory:
// what it keeps lies in a temporary folder (goleveldb), which is removed at the
// end.
//
// Invariants
//
//   - Records are given to a Table in the order of their partition, so the last
//     Put of a key is its newest record.
//   - A Table says what the log says up to where it was read. Whether the log has
//     grown since is told by reading on (engine.Reader), not by the Table.
//   - Nothing of it outlives Close, and a process that was killed leaves one
//     folder behind, named after its use, in the folder it was told.
package newest
