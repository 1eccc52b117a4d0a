// Package gendiff compares the documents of two generations, as their topics have
// them: what a new configuration changes is seen before it is promoted.
//
// Invariants
//
//   - Memory is flat: both topics are folded into a temporary folder (package
//     newest) and walked over side by side.
//   - Values are shown shortened and masked (package fielddiff); of a pass nothing
//     is told but that it differs.
//   - A key that the new generation has quarantined is reported as such, not as
//     removed.
//   - Both generations go on meanwhile. Both topics are read on twice before they are
//     compared, so only what changed within the last moment can be on its way.
package gendiff
