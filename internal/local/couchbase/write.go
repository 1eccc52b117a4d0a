package couchbase

import (
	"encoding/binary"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"
)

// thirtyDays is the longest expiry that counts from now; what is more is a Unix time.
const thirtyDays = 30 * 24 * 3600

func (t *transaction) expiry(given uint32) uint32 {
	if given == 0 || given > thirtyDays {
		return given
	}
	return t.now + given
}

// refuseWrite checks lock and CAS of a live document.
func (t *transaction) refuseWrite(q *request, d *document) status {
	if l, locked := t.locked(q.address); locked {
		if q.cas != l.cas {
			return memd.StatusLocked
		}
		return statusOK
	}
	if q.cas != 0 && q.cas != d.cas {
		return statusExists
	}
	return statusOK
}

// write stores the next version of a document (or what comes after its tombstone).
func (t *transaction) write(q *request, d, old *document) response {
	t.stamp(q.address, d, old)
	t.put(q.address, d, old)
	return t.done(q, d)
}

func (t *transaction) done(q *request, d *document) response {
	return response{cas: d.cas, token: token{t.b.uuids[q.vbucket], d.seqno}}
}

func set(t *transaction, q *request) (response, error) {
	d, err := t.get(q.address)
	if err != nil {
		return response{}, err
	}
	if d == nil || d.deleted {
		if q.cas != 0 {
			return failure(statusNotFound), nil
		}
		return t.store(q, nil, d)
	}
	if s := t.refuseWrite(q, d); s != statusOK {
		return failure(s), nil
	}
	return t.store(q, d, d)
}

func add(t *transaction, q *request) (response, error) {
	d, err := t.get(q.address)
	if err != nil {
		return response{}, err
	}
	if d != nil && !d.deleted {
		return failure(statusExists), nil
	}
	return t.store(q, nil, d)
}

func replace(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	if s := t.refuseWrite(q, d); s != statusOK {
		return failure(s), nil
	}
	return t.store(q, d, d)
}

// store writes a whole body. A live document keeps its xattrs; what a tombstone had is gone.
func (t *transaction) store(q *request, live, old *document) (response, error) {
	d := &document{flags: binary.BigEndian.Uint32(q.extras), datatype: q.datatype, body: q.value}
	d.expiry = t.expiry(binary.BigEndian.Uint32(q.extras[4:]))
	if live != nil {
		d.xattrs = live.xattrs
		if q.frames.preserveExpiry {
			d.expiry = live.expiry
		}
	}
	if err := d.inflateWithXattrs(); err != nil {
		return response{}, err
	}
	if s := d.tooBig(); s != statusOK {
		return failure(s), nil
	}
	return t.write(q, d, old), nil
}

// inflateWithXattrs undoes compression where there are xattrs: the engine keeps
// both in one value, which is then compressed as a whole or not at all.
func (d *document) inflateWithXattrs() error {
	if len(d.xattrs) == 0 || d.datatype&datatypeSnappy == 0 {
		return nil
	}
	body, err := d.plainBody()
	d.body, d.datatype = body, d.datatype&^datatypeSnappy
	return err
}

// tooBig checks the limits: system xattrs have an allowance of their own.
func (d *document) tooBig() status {
	body := d.body
	size := len(body)
	if d.datatype&datatypeSnappy != 0 {
		size = 0 // inflated and measured when it came
	}
	system, user := d.xattrs.sizes()
	if size+user > maxBody || system > maxSystemXattr {
		return memd.StatusTooBig
	}
	return statusOK
}

func remove(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	if s := t.refuseWrite(q, d); s != statusOK {
		return failure(s), nil
	}
	return t.done(q, t.remove(q.address, d)), nil
}

// touch serves TOUCH and GAT, which also reads. The same expiry again changes nothing.
func touch(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(statusNotFound), err
	}
	if _, locked := t.locked(q.address); locked {
		return failure(memd.StatusLocked), nil
	}
	if expiry := t.expiry(binary.BigEndian.Uint32(q.extras)); expiry != d.expiry {
		next := *d
		next.expiry = expiry
		t.write(q, &next, d)
		d = &next
	}
	if q.opcode == memd.CmdTouch {
		return response{cas: d.cas}, nil
	}
	return found(d, d.cas), nil
}

// concatenate serves APPEND and PREPEND.
func concatenate(t *transaction, q *request) (response, error) {
	d, err := t.alive(q)
	if d == nil {
		return failure(memd.StatusNotStored), err
	}
	if s := t.refuseWrite(q, d); s != statusOK {
		return failure(s), nil
	}
	front, err := d.plainBody()
	if err != nil {
		return response{}, err
	}
	back, err := (&document{datatype: q.datatype, body: q.value}).plainBody()
	if err != nil {
		return response{}, err
	}
	if q.opcode == memd.CmdPrepend || q.opcode == cmdPrependQ {
		front, back = back, front
	}
	next := *d
	next.body = append(append(make([]byte, 0, len(front)+len(back)), front...), back...)
	if s := next.tooBig(); s != statusOK {
		return failure(s), nil
	}
	next.datatype = datatypeOf(next.body)
	return t.write(q, &next, d), nil
}

// doNotCreate is the expiry of a counter that must be there already.
const doNotCreate = 0xffffffff

// count serves INCREMENT and DECREMENT: delta, initial value, expiry of a new counter.
func count(t *transaction, q *request) (response, error) {
	old, err := t.get(q.address)
	if err != nil {
		return response{}, err
	}
	delta, n := binary.BigEndian.Uint64(q.extras), binary.BigEndian.Uint64(q.extras[8:])
	expiry := binary.BigEndian.Uint32(q.extras[16:])
	next := &document{expiry: t.expiry(expiry)}
	if old == nil || old.deleted {
		if expiry == doNotCreate {
			return failure(statusNotFound), nil
		}
	} else {
		if s := t.refuseWrite(q, old); s != statusOK {
			return failure(s), nil
		}
		body, err := old.plainBody()
		if err != nil {
			return response{}, err
		}
		have, err := strconv.ParseUint(string(body), 10, 64)
		if err != nil {
			return failure(memd.StatusBadDelta), nil
		}
		*next = *old
		switch {
		case q.opcode == memd.CmdIncrement || q.opcode == cmdIncrementQ:
			n = have + delta // wraps, as the engine's does
		case delta > have:
			n = 0
		default:
			n = have - delta
		}
	}
	next.body, next.datatype = strconv.AppendUint(nil, n, 10), datatypeJSON
	r := t.write(q, next, old)
	r.value = binary.BigEndian.AppendUint64(nil, n)
	return r, nil
}
