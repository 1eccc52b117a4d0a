// Package subdoc edits JSON documents as text: it finds the value a Couchbase
// sub-document path names, reads it as it stands, or cuts and splices around it
// so that everything else of the document keeps its bytes.
//
// It owns the path syntax and the status each operation gives. It knows nothing
// of documents, xattrs or CAS values.
//
// # Invariants
//
//   - A document handed in is valid JSON (the caller keeps that as its datatype).
//     With anything else no function panics; what it returns is then undefined.
//   - Mutate never writes into the bytes it was given.
//   - A result of Mutate is valid JSON when the document was.
package subdoc
