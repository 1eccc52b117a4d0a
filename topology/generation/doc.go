// Package generation owns customer360.generations: which generation serves,
// what its bytes depend on, where its groups began, and the form of the raw
// topics' keys.
//
// Invariants
//
//   - The topic changes only through Log.update: a transaction under one fixed
//     transactional id, decided on the state read after the id was taken. Who
//     takes the id later fences who held it, so updates are linearizable and a
//     loser decides anew. Compaction keeps the last record of a key, which is
//     why a race must not be left to the readers.
//   - First offsets are committed while a generation is building. Once it
//     serves, a missing offset is refused by the engine, never initialised.
//   - A generation is pinned to what decides the documents' bytes (Parts) and
//     to the raw topics' ids. Another value is refused and named.
package generation
