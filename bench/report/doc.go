// Package report makes docs/performance.md of files of results.
//
// # Invariants
//
//   - Every figure of the page comes from rows: tables and targets by code, the
//     notes (notes.md) by the template functions of notes.go.
//   - A ratio is of medians of one case in one file: contenders that ran interleaved.
//     Its spread is the smallest and largest ratio within one round.
//   - Of files that have the same measurement the newest counts. Files of
//     different machines are refused.
//   - Equal files make an equal page: nothing of it comes from the clock or the
//     machine that writes it.
package report
