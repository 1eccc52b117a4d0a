// Package couchbase owns the last step: documents of Kafka into Couchbase. Two
// kinds of sinks are goka graphs on the engine without transactions:
//
//	customer360.documents ─► Sink (documents) ─► bucket customer360
//	raw topics ─► Sink (staging, one per source) ─► bucket staging
//
// and Metadata copies the history of loyalty files. It is the only importer of
// the Couchbase SDK.
//
// Invariants
//
//   - A document carries in its system xattr _c360 the fence of the message it
//     comes from, {"g":generation,"o":offset}; so does the tombstone of a removed
//     one, also of what never existed. A message goes through only over an older
//     fence or none, under CAS. An equal one is done already. Contents are never
//     compared.
//   - Per key one operation is in flight. Of what is queued for it only the newest
//     is written; older ones are done when it is. When it is refused, the next
//     newest has its turn.
//   - A message's offset moves when the message is durable, superseded by a
//     durable one, or acknowledged by the dead letters' topic; never before.
//   - Nothing is sent for a session that is over, nor of a message that was
//     fetched more than MaxAge ago: tombstones are purged after 3 days, and the
//     fences on them with them.
//   - No error of the way ends in loss: what is not known to be hopeless is tried
//     again for ever. Wrong names, rights and servers stop the sink.
//
// Non-obvious
//
//   - A lost race is ErrCasMismatch or ErrDocumentExists, depending on the
//     operation; ErrDocumentNotFound is one too. All are answered by a look-up.
//   - A timeout of a write is always "ambiguous", also when nothing was sent. The
//     fence tells: equal to ours means that it was applied.
//   - The SDK's Insert, Upsert and plain writes over a tombstone look at no CAS and
//     lose its fence. So tombstones are written over by the one operation that
//     checks their CAS (revive), for which only gocbcore has words.
//   - revive stages the body in an xattr, and the server keeps xattrs sorted and
//     compacted: the document comes out in another form. So it comes back under its
//     old fence, and the exact bytes follow with the new one, under the CAS of the
//     first step. Whoever is interrupted between the two does both again.
//   - Our insert (members.go) is refused over a tombstone: to a sub-document
//     operation with the flags Add and AccessDeleted a tombstone is a document that
//     is there (kv_engine, fetch_input_document). SETDOC may not be combined with
//     AccessDeleted, so the body is put together member by member, which keeps its
//     bytes. Nothing documents this, so each start tries it (probeInsert) and falls
//     back to reserve. It needs no look-up before it (guess.go), and a packet that
//     was held up for minutes does no harm.
//   - Inside the server look-up and store of one such operation are two steps, for
//     insert, createDeleted and revive alike (update_document stores with Add): two
//     sinks that hit one key within microseconds could lose a fence there. What
//     holds against it is the group: a key has one sink, the other is a zombie.
//   - What the cache says decides only how to write, under CAS. That there is
//     nothing to write is only believed to a look-up: somebody may have restored
//     an older bucket.
//   - A removal must not be the only protection from very old messages; see MaxAge.
package couchbase
