// Package model says what the whole product makes of raw records: the documents,
// the staged documents, the dead letters. It is what tests judge the product by.
// Plain and slow: one goroutine, maps, encoding/json; it shares nothing with
// processors or the decoders but the names of headers and sources, and is
// written from the contract of the data (docs/architecture.md has its ideas).
//
// It keeps per identity what its last accepted record asserts, and folds all of
// that on demand. There are no versions, hashes, records or fences in it: where
// the product's way of getting there is wrong, the two differ.
//
// # Where the contract is silent
//
// The code of codec and processors decided the following; the model agrees.
//
//   - Debezium. At an equal place a c beats a d. A streamed record of unknown
//     place is accepted and leaves the place alone; a snapshot's sets it, even to
//     unknown, and clears the servers left. At most 32 servers left are
//     remembered. Without positions (pos <= 0) the GTID's sequence decides, then
//     total_order; what cannot be compared is accepted. JSON's null is a
//     tombstone. A row without the email's column, or with an object in a mapped
//     column, is a dead letter and changes nothing; an unusable email changes.
//   - A refused record with an unusable email makes no dead letter.
//   - Names that matter must not come twice in an envelope; in members and
//     answers no name may, at any depth. Text must be UTF-8, escapes whole.
//   - Loyalty. A record without position headers counts by its place in the log
//     and leaves the stored position alone; half a position is a dead letter.
//     JSON's null is a dead letter (staging takes it for a removal). A row
//     without id has the key's.
//   - Answers. A 404 needs no usable key. A customer without scalar Id, another
//     customer's email and unusable emails are dead letters: the last good answer
//     stays. -0, 1.0 and 1e3 are no integers.
//   - A key's form is pinned by the first record that decodes to a row of ours;
//     placement is checked before anything else. Of the first 100 keyed records
//     of a topic no more than chance may be misplaced (placement.go).
//   - The index of the newest 100 orders is part of a record of the store and of
//     no document.
//   - White space alone is a value: only name and email are trimmed.
//
// # Not in it
//
//   - The bounds that protect the process: records above 17 MiB, JSON nested
//     more than 200 deep.
//   - Epochs: within one generation all records have the same.
//   - Dead letters of merge. Their coordinates are of the topic of records and
//     depend on the interleaving; Quarantined lists the keys instead.
//   - What a stop leaves unread. Apply refuses what comes after it in the caller's
//     order; a real group has read other partitions further or less far.
//   - A staged document that had already expired when it was written, while an
//     older one under its key had not: the newest counts.
package model
