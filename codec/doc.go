// Package codec owns the domain's types and their encodings: what a source
// asserts about a document (Fields), the record that carries it (Record), the
// keys that documents have, and the contract of a source's decoder (Source).
// The decoders themselves are its sub-packages, one per source system.
//
// Invariants
//
//   - An encoding is canonical: equal values have equal bytes, whatever order
//     they arrived in. Hashes and comparisons rely on it.
//   - Decoders never read a clock, a counter or the network: what they return
//     depends on the raw record alone. The one exception is a schema that the
//     record names by id (codec/debezium, Registry): a registry never changes
//     what an id means, so that is a part of the record which lies elsewhere.
//   - Numbers of a source are never parsed into float64: they are kept as the
//     text that the source wrote.
package codec
