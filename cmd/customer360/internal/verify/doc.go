// Package verify compares what the log says (the documents' topic of the serving
// generation, folded to the newest message of each key) with what Couchbase
// holds, both ways, and mends what differs.
//
// Invariants
//
//   - What is only on its way is no difference. A key that differs is looked at
//     again after the log was read to its end and the sink has committed all of
//     it; it counts when it still differs and the log has nothing newer of it.
//   - Memory is flat: bodies and keys lie in a temporary folder (package newest).
//   - A repair goes through the fence: it writes the log's newest message under
//     the CAS of what it has just compared, never over a newer fence of the
//     serving generation, nor over one of a generation that is known to be newer.
//     A sink that writes the same key meanwhile wins.
//   - Documents that carry no fence are somebody else's. They are only mended
//     under a key of the log, and where couchbase.foreign says overwrite, as the
//     sink would with its next message. They are never removed.
//   - Bodies and secrets never leave this package unmasked.
package verify
