// Package engine is how a goka group runs here: exactly once for groups with a
// table, at least once for sinks. goka is the processor (partitions, tables,
// lifecycle); it gets one message per fetched batch, and the engine calls the
// graph's callbacks for each record, with a context of its own.
//
//	g, err := engine.New(cfg, graph, deps, hooks) // starts nothing
//	err = g.Run(ctx)                              // until ctx ends: nil, after the last commit
//
// # Contract
//
// A transactional group reads, changes its table and writes in one Kafka
// transaction per commit interval. Input offsets, changelog and outputs become
// visible together or not at all; local state follows the commit. A zombie
// cannot commit: the coordinator refuses its generation with every transaction.
//
// A sink's callback calls DeferCommit and finishes the message later, from any
// goroutine, in any order. An offset is committed only when all messages before
// it are done; a failed one ends the incarnation and is done again. Work of a
// session that has ended is abandoned: see Delivery.Session and Delivery.Live.
//
// Groups start from committed offsets. A missing one, or one whose records the
// log has lost, is fatal: see CommitFirstOffsets. Nothing resets offsets.
//
// A callback may run again for a message whose transaction was aborted; its
// effects outside of Kafka must bear that. It must end well within
// TransactionTimeout, and, in a sink, when Delivery.Session ends.
//
// # Life of an incarnation
//
// Run (group.go) replaces incarnations until one ends with ctx or fatally
// (errors.go). An incarnation (incarnation.go) is one goka processor and one
// Kafka client, group member and transactional producer in one (member.go).
// After any failure all of it is thrown away, since goka's state is then ahead
// of Kafka's. It serves session after session (session.go), one per generation:
// fence former owners (fence.go), ask the Admit hook, recover (recovery.go,
// storeopen.go), tell the Recovered hook, deliver (poll.go, claim.go, context.go, produce.go; inflight.go in sinks)
// and commit (gate.go, commit.go), last commit within the revoke, Cleanup, Revoked hook.
//
// # Who owns what, and standby copies
//
// balancer.go speaks the group's protocol, package balance makes the plan: members
// say what state they hold (held.go), the leader gives partitions to former owners
// and to who has state, and each partition Config.Standbys further instances.
// Those follow the changelog (follower.go) into folders like the owner's. An
// assignment that makes a follower the owner ends it first (followers.go): its
// folder is closed before storage opens it, and recovery reads the tail alone.
// Members of versions without our protocol make the group speak range, without
// copies.
//
// # Invariants
//
//   - A position moves past a message only when its callback has passed the gate
//     (transactional) or it and all before it are done (sink).
//   - A commit takes positions, state (store.seal) and outputs when nobody is inside
//     the gate: they are those of the same messages. Then callbacks go on; what they
//     write is held (outputs), and is produced after the next transaction has begun.
//     Callbacks never wait for Kafka inside the gate: outputs queue for room in the
//     client (window), and a full transaction keeps callbacks outside (gate.fill).
//   - leveldb is written after the transaction has ended, values and the offset
//     that they go up to in one atomic write, never a part of a commit. It may be
//     behind by FlushInterval, or as much as the cache holds, and by nothing after a
//     clean end. The offset is that of the sealed writes (store.acknowledged): some
//     of the next transaction may be in the changelog. What is open at the end of a session is dropped.
//   - A recovery into an empty folder neither syncs nor compacts (level.again), and a
//     process that is killed within it leaves a folder that is dropped.
//   - A folder is used only while its topic id, partition, age and offset fit
//     (meta.unusable), and no write is missing in the middle of it (inspect).
//   - A copy is written like a store: committed data only, values and offset in one
//     batch, current only where the stable end was reached. What goes wrong with it
//     is begun again and never touches the group.
//   - A folder has one user (folders): its owner's session, or a follower.
//   - Each commit carries the ids of the topics that it is about (topicids.go), and its
//     time: who stood still for too long does not go on as if nothing was missed (age.go).
//   - Nothing continues after an abort.
//   - The next session begins after the former one is cleaned up (session.done),
//     and onAssigned holds the offset fetch up until former owners are fenced.
//
// # Not obvious
//
//   - goka costs several microseconds per message (channels, promises, statistics),
//     hence the batches: Input's callback gets them by goka's context wrapper and calls
//     the graph's for each record (input.go). What is in goka's options of a context
//     only goka can read: headers go by Emit.
//   - A partition's goroutine stays inside the gate from record to record, until
//     somebody closes it. A callback that panics never leaves.
//   - A record's Fail panics, which ends goka's goroutine; at the end of a session
//     Cleanup reports that, and it is ignored.
//   - A claim may be drained between the push that fills it and the pause of its
//     fetches; the pause is taken back (resumeDrained).
//   - goka sleeps 5 s between two Consume calls; member.Consume loops itself.
//   - kgo's EndTransaction can abort where it was to commit, and say nothing, or commit a part: package
//     txn sees to that. It does nothing when nothing was produced: such an
//     interval commits by a plain OffsetCommit.
//   - leveldb skips what is damaged in its journals and its manifest unless it is
//     told to be strict; strict, it refuses the half of a write that kill -9 leaves
//     at the end of a journal, so inspect cuts that off before.
//   - A member learns of a rebalance by its next heartbeat, and those that know
//     already stand still until then: hence one every 400 ms.
//   - TxnOffsetCommit is pinned to version 5, OffsetCommit to 9: later ones name
//     topics by id.
//   - The client keeps control records, so that positions pass the markers at the
//     end of a transactional topic and lag reads 0 there. Recovery and ReadToEnd
//     use plain Fetch requests instead (fetch.go), since a consumer does not show
//     how far it has come over aborted or compacted records.
//   - A former member of the same instance is taken out of the group at start:
//     after kill -9 the partitions are back in well under a second, and not after
//     the session timeout. Two processes under one instance name fence each other
//     in turn: the caller holds a lock on the name.
//   - onLost comes without a reason; kgo tells it right after, by another hook.
//   - A JoinGroup is not broken off by kgo's Close, so Close kills the client
//     after 5 s: Run's end is bounded.
//   - A record is stamped with the time of the poll before the one that brought
//     it: it may have waited in the client, but no longer than that.
//   - Joins, lookups, visitors and iterators are not supported: Hooks.Recovered
//     iterates over the table.
//
// # Holes
//
// A transactional group without a table is not fenced early: its next owner
// waits for TransactionTimeout at most. One failing message aborts the interval
// of all partitions of the instance. Power loss is harmless to exactness only
// because an older prefix of a store is one too: leveldb is not synced.
package engine
