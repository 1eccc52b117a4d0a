// Package schemaregistry reads values that Kafka Connect's Avro converters
// wrote, by asking a schema registry (Confluent's API) for the schemas that they
// name. It implements debezium.Registry.
//
// Invariants
//
//   - What an id means never changes, so a schema is asked for once and kept.
//   - Only a definite answer makes a record unreadable: that the id is not
//     there (404 with error code 40403, and the record is older than Grace), or
//     a schema that is none of Avro. All else waits (codec.ErrLater), and
//     401 and 403 stop the source (codec.ErrHalt).
//   - An error never repeats an answer's text or a credential.
//
// Non-obvious
//
//   - A registry's follower may not know an id yet that its leader has just
//     given. So a young record waits for its schema. Its age counts, not the
//     first answer's: of many records with ids that nobody knows, each would
//     hold up the source for as long otherwise.
//   - Callers wait within a transaction: a request ends after Timeout, and what
//     failed is not asked again for a moment, whoever asks.
package schemaregistry
