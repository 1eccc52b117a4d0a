// Package deadletters looks at customer360.deadletter and publishes what it
// holds to its topic again.
//
// Invariants
//
//   - List folds by coordinates: a rebuild repeats a dead letter, which then
//     counts once, with the newest reason.
//   - A retry and the mark that it happened are one transaction under one
//     fixed transactional id, decided on what was read after the id was taken:
//     two operators at once publish once.
//   - Nothing that is shown holds a secret: Mask covers passwords in whatever
//     text the raw bytes hold, and bytes that are no text are not shown.
package deadletters
