package couchbase

import (
	"encoding/binary"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/subdoc"
)

// readable returns the document that a lookup reads: a tombstone only where the flags ask for it.
func (t *transaction) readable(q *request) (*document, response, error) {
	d, err := t.get(q.address)
	if err != nil {
		return nil, response{}, err
	}
	if d == nil || d.deleted && !q.specs.has(memd.SubdocDocFlagAccessDeleted) {
		return nil, failure(statusNotFound), nil
	}
	if _, locked := t.locked(q.address); locked {
		return nil, failure(memd.StatusLocked), nil
	}
	return d, response{}, nil
}

// lookupIn answers each operation with a status, a length and a value.
func lookupIn(t *transaction, q *request) (response, error) {
	d, refusal, err := t.readable(q)
	if d == nil {
		return refusal, err
	}
	r := response{status: statusOK, cas: d.cas}
	view := documentView{t: t, q: q, d: d}
	for i := range q.specs.list {
		value, s, err := view.lookup(&q.specs.list[i])
		if err != nil {
			return response{}, err
		}
		if s != statusOK {
			r.status = memd.StatusSubDocBadMulti
		}
		r.value = binary.BigEndian.AppendUint16(r.value, uint16(s))
		r.value = binary.BigEndian.AppendUint32(r.value, uint32(len(value)))
		r.value = append(r.value, value...)
	}
	if d.deleted {
		r.status = deletedStatus(r.status)
	}
	return r, nil
}

func deletedStatus(s status) status {
	switch s {
	case statusOK:
		return memd.StatusSubDocSuccessDeleted
	case memd.StatusSubDocBadMulti:
		return memd.StatusSubDocMultiPathFailureDeleted
	}
	return s
}

func lookupOne(t *transaction, q *request) (response, error) {
	d, refusal, err := t.readable(q)
	if d == nil {
		return refusal, err
	}
	view := documentView{t: t, q: q, d: d}
	value, s, err := view.lookup(&q.specs.list[0])
	if s != statusOK || err != nil {
		return failure(s), err
	}
	if d.deleted {
		s = memd.StatusSubDocSuccessDeleted
	}
	return response{status: s, cas: d.cas, value: value}, nil
}

// documentView reads paths of a document, inflating its body at most once.
type documentView struct {
	t     *transaction
	q     *request
	d     *document
	plain []byte
	ready bool
}

func (v *documentView) body() ([]byte, error) {
	var err error
	if !v.ready {
		v.plain, err = v.d.plainBody()
		v.ready = err == nil
	}
	return v.plain, err
}

func (v *documentView) lookup(s *spec) (value []byte, result status, err error) {
	switch {
	case s.problem != statusOK:
		return nil, s.problem, nil
	case s.xattr() && s.virtual():
		if value, ok := v.d.plainMember(s); ok {
			return value, statusOK, nil
		}
		value, result, err = v.virtualXattr(s.xattrKey())
		if result != statusOK || err != nil {
			return nil, result, err
		}
		value, result = read(s.op, value, s.parsed[1:])
		return value, result, nil
	case s.xattr():
		value, ok := v.d.xattrs.get(s.xattrKey())
		if !ok {
			return nil, memd.StatusSubDocPathNotFound, nil
		}
		value, result = read(s.op, value, s.parsed[1:])
		return value, result, nil
	}
	body, err := v.body()
	switch {
	case err != nil:
		return nil, statusOK, err
	case s.op == memd.SubDocOpGetDoc && len(body) == 0:
		return nil, memd.StatusSubDocPathNotFound, nil
	case s.op == memd.SubDocOpGetDoc:
		return body, statusOK, nil
	case v.d.datatype&datatypeJSON == 0:
		return nil, memd.StatusSubDocNotJSON, nil
	}
	value, result = read(s.op, body, s.parsed)
	return value, result, nil
}

func read(op memd.SubDocOpType, doc []byte, path subdoc.Path) ([]byte, status) {
	switch op {
	case memd.SubDocOpGetCount:
		n, s := subdoc.Count(doc, path)
		if s != statusOK {
			return nil, s
		}
		return strconv.AppendInt(nil, int64(n), 10), statusOK
	case memd.SubDocOpExists:
		_, s := subdoc.Get(doc, path)
		return nil, s
	}
	return subdoc.Get(doc, path)
}
