package couchbase

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// pastWrite is what a failover needs to undo a write: what was there before.
type pastWrite struct {
	at      address
	before  *document // nil: nothing
	seqno   uint64
	durable bool // acknowledged by a majority: on the replica too
}

// remember keeps the newest writes, as many as a failover may lose.
func (b *bucket) remember(writes []pastWrite) {
	b.past = append(b.past, writes...)
	if n := len(b.past) - b.keepPast; n > b.keepPast { // now and then, not with each write
		b.past = append(b.past[:0:0], b.past[n:]...)
	}
}

// formerHistory is how far the vbuckets were when a failover ended their history.
type formerHistory struct {
	uuids, high [vbuckets]uint64
}

// Failover is the death of the node and the promotion of a replica that lacks
// the newest writes of a bucket, at most lost of them: they are gone, but not those
// with a durability requirement and what the vbucket got before them. The
// vbuckets begin new histories (uuids), sequence numbers go on from what is left,
// CAS values from the clock. Connections are closed; the promoted node answers at
// the same address. It returns how many writes are gone. Config.FailoverHistory
// bounds lost.
func (n *Node) Failover(bucketName string, lost int) (int, error) {
	b, ok := n.buckets[bucketName]
	switch {
	case !ok:
		return 0, fmt.Errorf("failover: no bucket %q", bucketName)
	case lost > n.cfg.FailoverHistory:
		return 0, fmt.Errorf("failover: %d writes cannot be lost, %d are remembered", lost, n.cfg.FailoverHistory)
	}
	gone, err := b.promote(lost)
	if err != nil {
		n.report(fatal{err})
		return 0, fmt.Errorf("failover: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.connections {
		_ = c.conn.Close()
	}
	return gone, nil
}

// promote undoes the newest writes and begins new histories.
func (b *bucket) promote(lost int) (int, error) {
	t := b.begin()
	past := b.past
	b.past = nil
	former := formerHistory{uuids: b.uuids, high: b.high}
	protected := [vbuckets]bool{}
	gone, newest := 0, uint64(0)
	var kept []pastWrite // newest first
	for i := len(past) - 1; i >= 0; i-- {
		w := past[i]
		vb := w.at.vbucket()
		protected[vb] = protected[vb] || w.durable
		if gone == lost || protected[vb] {
			kept = append(kept, w)
			newest = max(newest, w.seqno)
			continue
		}
		now, err := t.peek(w.at)
		if err != nil {
			return 0, errors.Join(err, t.commit())
		}
		if w.before == nil {
			t.purge(w.at, now)
		} else {
			t.put(w.at, w.before, now)
		}
		b.high[vb] = w.seqno - 1
		gone++
	}
	switch {
	case len(kept) > 0:
		t.state.seqno = newest
	case gone > 0:
		t.state.seqno = past[0].seqno - 1
	}
	t.undone() // what is restored is no write of a client
	t.state.branch++
	clear(b.locks)
	b.uuids = vbucketUUIDs(t.state.seed, t.state.branch)
	b.former = append(b.former, former)
	for i := len(kept) - 1; i >= 0; i-- {
		b.past = append(b.past, kept[i])
	}
	t.batch.Put(prefixed(keyState, b.id), t.state.append(nil)) // also where nothing was undone
	return gone, t.commit()
}

// observeFormer answers OBSERVE_SEQNO for a history that a failover has ended:
// format 1, with the newest sequence number that the old history had.
func (b *bucket) observeFormer(vbucket uint16, uuid uint64) (value []byte, found bool) {
	for _, f := range b.former {
		if f.uuids[vbucket] != uuid {
			continue
		}
		value = binary.BigEndian.AppendUint16([]byte{1}, vbucket)
		for _, n := range []uint64{b.uuids[vbucket], b.high[vbucket], b.high[vbucket], uuid, f.high[vbucket]} {
			value = binary.BigEndian.AppendUint64(value, n)
		}
		return value, true
	}
	return nil, false
}

// failoverForever carries out faults of the kind FaultFailover when they are due.
func (n *Node) failoverForever(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		active := n.faults.active.Load()
		if active == nil {
			continue
		}
		for _, f := range *active {
			if f.Kind != FaultFailover || time.Now().Before(f.due) || !f.again() {
				continue
			}
			f.due = time.Now().Add(f.Delay)
			n.faults.hits.Add(1)
			n.failoverAll(f)
		}
	}
}

func (n *Node) failoverAll(f *activeFault) {
	for name := range n.buckets {
		if f.Bucket != "" && f.Bucket != name {
			continue
		}
		gone, err := n.Failover(name, f.Lost)
		if err != nil {
			n.log.Error("couchbase: failover", "bucket", name, "error", err)
			continue
		}
		n.log.Warn("couchbase: failover, writes are lost", "bucket", name, "writes", gone)
	}
}
