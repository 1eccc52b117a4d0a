package couchbase

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

// alive returns the document of a request; nil if there is none or only its tombstone.
func (t *transaction) alive(q *request) (*document, error) {
	d, err := t.get(q.address)
	if err != nil || d == nil || d.deleted {
		return nil, err
	}
	return d, nil
}

// shownCAS is the CAS that reads show: all ones while the document is locked.
func (t *transaction) shownCAS(q *request, d *document) uint64 {
	if _, locked := t.locked(q.address); locked {
		return math.MaxUint64
	}
	return d.cas
}

func found(d *document, cas uint64) response {
	return response{cas: cas, datatype: d.datatype, extras: binary.BigEndian.AppendUint32(nil, d.flags), value: d.body}
}

func get(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	return found(d, t.shownCAS(q, d)), nil
}

// getMeta also tells of tombstones.
func getMeta(t *transaction, q *request) (response, error) {
	d, err := t.get(q.address)
	if d == nil {
		return failure(statusNotFound), err
	}
	deleted := uint32(0)
	if d.deleted {
		deleted = 1
	}
	var extras []byte
	for _, n := range []uint32{deleted, d.flags, d.expiry} {
		extras = binary.BigEndian.AppendUint32(extras, n)
	}
	extras = binary.BigEndian.AppendUint64(extras, d.revision)
	if len(q.extras) == 1 && q.extras[0] == 2 {
		extras = append(extras, d.visibleDatatype())
	}
	return response{cas: t.shownCAS(q, d), extras: extras}, nil
}

const (
	defaultLock = 15 * time.Second
	longestLock = 30
)

// getLocked gives a CAS that exists only while the lock holds; the document keeps its own.
func getLocked(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	if _, locked := t.locked(q.address); locked {
		return failure(memd.StatusLocked), nil
	}
	duration := defaultLock
	if len(q.extras) == 4 {
		if seconds := binary.BigEndian.Uint32(q.extras); seconds > 0 && seconds <= longestLock {
			duration = time.Duration(seconds) * time.Second
		}
	}
	l := lock{cas: t.nextCAS(), until: t.b.now().Add(duration)}
	t.b.locks[q.address] = l
	return found(d, l.cas), nil
}

func unlock(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	l, locked := t.locked(q.address)
	switch {
	case !locked:
		return failure(memd.StatusNotLocked), nil
	case l.cas != q.cas:
		return failure(memd.StatusLocked), nil
	}
	delete(t.b.locks, q.address)
	return response{}, nil
}

// notAReplica refuses to read as a replica what is active here.
func notAReplica(c *connection, _ *request) response { return c.notMyVBucket() }
