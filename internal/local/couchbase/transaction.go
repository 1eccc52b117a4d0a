package couchbase

import (
	"errors"
	"fmt"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// transaction is a series of operations on one bucket whose changes reach the
// store in one write. Nothing of it may be acknowledged before commit returned nil.
type transaction struct {
	b       *bucket
	now     uint32
	batch   leveldb.Batch
	changed map[address]*document // nil: no trace of it any more
	state   bucketState
	past    []pastWrite // for a failover to undo
	durable bool        // the operation under way has a durability requirement
	buf     []byte
}

func (b *bucket) begin() *transaction {
	b.mu.Lock()
	return &transaction{b: b, now: unix(b.now()), state: b.state}
}

// commit ends the transaction. After an error the bucket refuses everything: it
// is not known what of the batch the store will have after a restart.
func (t *transaction) commit() error {
	defer t.b.mu.Unlock()
	if t.b.broken != nil {
		return t.b.broken
	}
	if t.batch.Len() == 0 {
		t.b.state.cas = t.state.cas // a lock may have drawn one
		return nil
	}
	t.batch.Put(prefixed(keyState, t.b.id), t.state.append(nil))
	if err := t.b.db.Write(&t.batch, nil); err != nil {
		t.b.broken = fmt.Errorf("write to the store: %w", err)
		return t.b.broken
	}
	t.b.state = t.state
	t.b.remember(t.past)
	return nil
}

// undone forgets what a failover would undo.
func (t *transaction) undone() { t.past = nil }

// get returns a document or its tombstone, nil if there is neither. A document
// whose time is over becomes a tombstone here.
func (t *transaction) get(a address) (*document, error) {
	d, err := t.peek(a)
	if err != nil || d == nil || !d.expired(t.now) {
		return d, err
	}
	return t.remove(a, d), nil
}

func (t *transaction) peek(a address) (*document, error) {
	if d, ok := t.changed[a]; ok {
		return d, nil
	}
	raw, err := t.b.db.Get(documentKey(t.b.id, a), nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from the store: %w", err)
	}
	return parseRecord(raw)
}

// remove turns a document into its tombstone.
func (t *transaction) remove(a address, old *document) *document {
	dead := old.tombstone(t.now)
	t.stamp(a, dead, old)
	t.put(a, dead, old)
	return dead
}

// stamp gives a new version of a document its CAS, sequence number, revision and
// time. Macros want to know them before the version is complete.
func (t *transaction) stamp(a address, d, old *document) {
	t.state.seqno++
	d.seqno, d.cas, d.modified, d.revision = t.state.seqno, t.nextCAS(), t.now, 1
	if old != nil {
		d.revision = old.revision + 1
	}
	t.b.high[a.vbucket()] = d.seqno
}

// nextCAS draws a CAS: a hybrid clock as the engine's, nanoseconds with a counter
// in the low 16 bits. It never goes back, whatever the wall clock does.
func (t *transaction) nextCAS() uint64 {
	t.state.cas = max(t.state.cas+1, uint64(t.b.now().UnixNano())&^0xffff)
	return t.state.cas
}

// put stores a stamped version in place of old (nil: there was none) and lifts a lock.
func (t *transaction) put(a address, d, old *document) {
	if t.b.keepPast > 0 {
		t.past = append(t.past, pastWrite{a, old, d.seqno, t.durable})
	}
	t.forget(a, old)
	switch {
	case d.deleted:
		t.batch.Put(timedKey(keyTombstone, t.b.id, d.expiry, a), nil)
	default:
		t.state.live++
		if d.expiry != 0 {
			t.batch.Put(timedKey(keyExpiry, t.b.id, d.expiry, a), nil)
		}
	}
	t.buf = d.appendRecord(t.buf[:0])
	t.batch.Put(documentKey(t.b.id, a), t.buf)
	t.keep(a, d)
}

// forget takes a version out of the count and the indexes.
func (t *transaction) forget(a address, old *document) {
	delete(t.b.locks, a)
	switch {
	case old == nil:
	case old.deleted:
		t.batch.Delete(timedKey(keyTombstone, t.b.id, old.expiry, a))
	default:
		t.state.live--
		if old.expiry != 0 {
			t.batch.Delete(timedKey(keyExpiry, t.b.id, old.expiry, a))
		}
	}
}

// purge removes the last trace of a tombstone.
func (t *transaction) purge(a address, dead *document) {
	t.forget(a, dead)
	t.batch.Delete(documentKey(t.b.id, a))
	t.keep(a, nil)
}

func (t *transaction) keep(a address, d *document) {
	if t.changed == nil {
		t.changed = map[address]*document{}
	}
	t.changed[a] = d
}

// locked returns the lock that holds for a document.
func (t *transaction) locked(a address) (lock, bool) {
	l, ok := t.b.locks[a]
	if ok && t.b.now().After(l.until) {
		delete(t.b.locks, a)
		ok = false
	}
	return l, ok
}

func bytesPrefix(prefix []byte) *util.Range { return util.BytesPrefix(prefix) }
