// Package couchbase is an embedded Couchbase data node: one process, one node,
// the key-value service. SDKs connect to it over the memcached binary protocol
// as to a server of version 7.6. Measure of its behaviour are 93 conversations
// recorded from a real engine (testdata/transcripts.jsonl), which the tests
// replay; where they say nothing it does what the engine documents.
//
// It owns its data folder (one goleveldb database), its port, and the buckets
// and collections it is configured with; with Config.TLS a second port speaks
// TLS and takes clients' certificates. It has no queries, no replicas, no
// DCP, and of the management only a bucket's health (management.go): what is not
// there is answered as unknown, and SDKs say "feature" or "service not available".
//
// # Life of a request
//
// connection.go reads packets (request.go). command.go has the table of opcodes:
// how far the connection must be, the form of the request, the handler. What can
// be refused by form is refused; locate.go finds the document's address. Requests
// that have arrived together are worked on together: one transaction on the
// bucket (transaction.go), one write to the store, one write to the socket.
// Handlers are in read.go, write.go, and subdoc_*.go with virtual.go (virtual
// xattrs and macros); the JSON surgery is package subdoc. response.go brings an
// answer into the form that the connection has negotiated (hello.go).
//
// # Invariants
//
//   - Acknowledged means written: the store has handed a batch to the operating
//     system before the first answer to it is sent. It outlives the process (see
//     TestKill), not a power failure: there is no fsync.
//   - A write that fails is never acknowledged and ends the node: the bucket
//     refuses everything from then on and Run returns the error (see TestDiskFull).
//   - One transaction on a bucket at a time; a document's versions are never
//     changed, only followed by others.
//   - CAS values and sequence numbers never fall or repeat, over restarts and
//     clocks that go back. Both are kept in the state that every batch carries.
//     A failover (see Failover) is the exception: sequence numbers go on from what
//     is left, under new vbucket uuids.
//   - Count and the two indexes (by expiry, by time of removal) agree with the
//     documents after every transaction (see checkIndexes).
//   - Credentials are neither logged nor told in errors.
//
// # Not obvious
//
//   - Answers keep the order of the requests, although UNORDERED_EXECUTION is
//     granted: that is a permission. Only FaultSlow makes use of it.
//   - A document whose time is over turns into a tombstone by whoever looks at it
//     first, a reader too; the sweeper does it for those nobody looks at. The
//     tombstone has a CAS of its own.
//   - A lock's CAS exists beside the document's, which is back when the lock
//     goes. Locks are in memory only.
//   - Store semantics decide before the CAS: an upsert over a tombstone or over
//     nothing does not look at it. The CAS decides before the revive flag, so a
//     stale reviver of a living document sees KEY_EEXISTS, not 0xd6.
//   - Xattrs are written in canonical JSON (names in order); so is a body that
//     comes out of one by REPLACE_BODY_WITH_XATTR. Bodies keep their bytes.
//   - The size of system xattrs is checked after all operations: a body of 19 MiB
//     may be staged in one that the same mutation deletes.
//   - Durability requirements are accepted at once: with no replica this node is
//     the majority. Persistence means what "acknowledged" means above.
//   - Sequence numbers come from one counter for the bucket: within a vbucket they
//     grow, with gaps. After a restart OBSERVE_SEQNO may be ahead of the vbucket.
//   - A range scan (rangescan.go) holds a snapshot of the store until it is
//     complete or its connection ends. Its documents come without xattrs.
//   - The cluster map's mgmt port is the same port: SDKs want one to be there. The
//     first byte of a connection tells HTTP from packets.
//
// Tests that need a node use package couchbasetest, and SetFaults for what goes wrong.
package couchbase
