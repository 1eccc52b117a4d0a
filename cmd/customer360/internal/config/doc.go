// Package config is the product's configuration: one tree of structs, read
// from YAML strictly, overridden by the environment, and documented from its
// own tags.
//
// Invariants
//
//   - Every key is in Config: an unknown one is an error with file, line and
//     the nearest right name.
//   - Every key has a doc tag; the reference (docs/configuration.md) is
//     generated from them, and a test compares it.
//   - A Secret prints as ******** wherever it is printed, logged or marshalled;
//     Reveal is called only where a client is made.
package config
