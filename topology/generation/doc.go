// Package generation owns customer360.generations: which generation serves,
// which one is being built, what their bytes depend on, where their groups
// began, and the form of the raw topics' keys. How a rebuild goes: docs/rebuild.md.
//
// Invariants
//
//   - The topic changes only through Log.update: a transaction under one fixed
//     transactional id, decided on the state read after the id was taken. Who
//     takes the id later fences who held it, so updates are linearizable and a
//     loser decides anew. Compaction keeps the last record of a key, which is
//     why a race must not be left to the readers.
//   - At most one generation serves, and at most one is building, ready or
//     promoting beside it. Numbers are never used again: fences compare them.
//   - First offsets are committed while a generation is building, those of its
//     sinks and poller while it is promoting. Once it serves, a missing offset is
//     refused by the engine, never initialised.
//   - A generation is pinned to what decides the documents' bytes (Parts) and
//     to the raw topics' ids. Another value is refused and named.
//   - Every step of Begin, Promotion.Run and Remove may have been done before.
//
// # Nobody writes behind a promotion
//
// The removals of a promotion are right only if documents of both generations
// do not change any more. Three facts give that:
//
//   - State promoting is written before the groups are looked at, and a member
//     asks Admit after it has joined and before it delivers or commits. A member
//     that is not seen joins later, reads promoting or what came after it, and
//     ends.
//   - A member that was thrown out of its group, suspended for longer than its
//     session, say, cannot commit: with every transaction the coordinator checks
//     its membership. What it had sent while it was a member is decided once the
//     last stable offset has reached the end, which is waited for.
//   - Who writes removals holds the transactional id customer360.promote and has
//     read promoting after it took it. Taking it shuts the holder before out.
//
// Sinks may be late: all that the former one can still write has a fence of
// the former number, and every key of it has a newer one to come.
package generation
