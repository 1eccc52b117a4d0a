package couchbase

import (
	"encoding/binary"
	"encoding/json"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/subdoc"
)

// mutation is a sub-document mutation in the making: next grows out of what was
// there, operation by operation, and is stored only if all of them succeed.
type mutation struct {
	t        *transaction
	q        *request
	view     documentView // of the document before, whose d is nil if there was none to see
	next     *document
	plain    bool // next.body is not compressed
	crc      uint32
	wantsCRC bool
	removed  bool     // DELDOC was among the operations
	results  []result // of the operations that return something
}

type result struct {
	index int
	value []byte
}

// failed is the first operation that failed; nothing is applied then.
type failed struct {
	index  int
	status status
}

func mutateIn(t *transaction, q *request) (response, error) {
	r, m, f, err := t.mutate(q)
	switch {
	case err != nil:
		return response{}, err
	case f != nil:
		value := binary.BigEndian.AppendUint16([]byte{byte(f.index)}, uint16(f.status))
		return response{status: memd.StatusSubDocBadMulti, value: value}, nil
	case m == nil:
		return r, nil
	}
	for _, one := range m.results {
		r.value = append(r.value, byte(one.index), 0, 0) // and success
		r.value = binary.BigEndian.AppendUint32(r.value, uint32(len(one.value)))
		r.value = append(r.value, one.value...)
	}
	return r, nil
}

func mutateOne(t *transaction, q *request) (response, error) {
	r, m, f, err := t.mutate(q)
	switch {
	case err != nil:
		return response{}, err
	case f != nil:
		return failure(f.status), nil
	case m != nil && len(m.results) > 0:
		r.value = m.results[0].value
	}
	return r, nil
}

// mutate applies the operations of a request. The mutation is nil if the
// request was refused as a whole, which the response then says.
func (t *transaction) mutate(q *request) (response, *mutation, *failed, error) {
	old, err := t.get(q.address)
	if err != nil {
		return response{}, nil, nil, err
	}
	visible := old
	if old != nil && old.deleted && !q.specs.has(memd.SubdocDocFlagAccessDeleted) {
		visible = nil
	}
	if s := t.refuseMutation(q, visible); s != statusOK {
		return failure(s), nil, nil, nil
	}

	state, high := t.state, t.b.high[q.vbucket]
	m, f, err := t.apply(q, visible, old, 0)
	if err == nil && f == nil && m.wantsCRC {
		crc := crc32c(m.next.body)
		t.state = state // the same CAS and sequence number again
		m, f, err = t.apply(q, visible, old, crc)
	}
	s := statusOK
	if err == nil && f == nil {
		s = m.next.tooBig()
	}
	if err != nil || f != nil || s != statusOK {
		t.state, t.b.high[q.vbucket] = state, high
		return failure(s), nil, f, err
	}
	t.put(q.address, m.next, old)
	r := t.done(q, m.next)
	if m.next.deleted && (visible == nil || visible.deleted) {
		r.status = memd.StatusSubDocSuccessDeleted
	}
	return r, m, nil, nil
}

// refuseMutation decides by what there is to see, the store semantics and the CAS.
func (t *transaction) refuseMutation(q *request, visible *document) status {
	s := q.specs
	switch {
	case visible == nil && !s.has(memd.SubdocDocFlagAddDoc|memd.SubdocDocFlagMkDoc):
		return statusNotFound
	case visible == nil:
		return statusOK // the CAS of an upsert is not looked at then
	case s.has(memd.SubdocDocFlagAddDoc):
		return statusExists
	}
	if refusal := t.refuseWrite(q, visible); refusal != statusOK {
		return refusal
	}
	if s.has(memd.SubdocDocFlagReviveDocument) && !visible.deleted {
		return memd.StatusSubDocCanOnlyReviveDeletedDocuments
	}
	return statusOK
}

// apply makes the next version. crc is that of the body which will come out.
func (t *transaction) apply(q *request, visible, old *document, crc uint32) (*mutation, *failed, error) {
	m := &mutation{t: t, q: q, view: documentView{t: t, q: q, d: visible}, crc: crc}
	m.begin(visible)
	t.stamp(q.address, m.next, old)
	for i := range q.specs.list {
		s, err := m.one(i, &q.specs.list[i])
		if err != nil {
			return nil, nil, err
		}
		if s != statusOK {
			return nil, &failed{i, s}, nil
		}
	}
	return m, nil, m.finish(visible)
}

// begin makes the version to work on.
func (m *mutation) begin(visible *document) {
	if visible != nil {
		next := *visible
		m.next = &next
		if m.q.specs.has(memd.SubdocDocFlagReviveDocument) {
			m.next.deleted = false
		}
		return
	}
	m.next, m.plain = &document{}, true
	if m.q.specs.has(memd.SubdocDocFlagCreateAsDeleted) {
		m.next.deleted = true
		return
	}
	m.next.body, m.next.datatype = m.emptyBody(), datatypeJSON
}

// emptyBody is an array if the first operation on the body wants one as its root.
func (m *mutation) emptyBody() []byte {
	for _, s := range m.q.specs.list {
		if s.xattr() {
			continue
		}
		switch s.op {
		case memd.SubDocOpArrayPushFirst, memd.SubDocOpArrayPushLast, memd.SubDocOpArrayAddUnique:
			if s.path == "" {
				return []byte("[]")
			}
		}
		break
	}
	return []byte("{}")
}

// finish sets what depends on the outcome: expiry, and what a tombstone may keep.
func (m *mutation) finish(visible *document) error {
	next := m.next
	switch {
	case next.deleted:
		next.expiry, next.body, next.datatype = m.t.now, nil, 0
		if m.removed {
			next.xattrs = next.xattrs.system()
		}
		return nil
	case m.q.frames.preserveExpiry && visible != nil && !visible.deleted:
	default:
		next.expiry = m.t.expiry(m.q.specs.expiry)
	}
	return next.inflateWithXattrs()
}

func (m *mutation) one(index int, s *spec) (status, error) {
	value := s.value
	if s.problem != statusOK {
		return s.problem, nil
	}
	if s.hasFlag(memd.SubdocFlagExpandMacros) {
		expanded, st, err := m.expand(string(value))
		if st != statusOK || err != nil {
			return st, err
		}
		value = expanded
	}
	change := subdoc.Mutation{Op: s.op, Path: s.parsed, Value: value, MkdirP: s.hasFlag(memd.SubdocFlagMkDirP)}
	var out []byte
	var st status
	var err error
	switch s.op {
	case memd.SubDocOpReplaceBodyWithXattr:
		return m.bodyFromXattr(s), nil
	case memd.SubDocOpSetDoc:
		m.next.body, m.next.datatype, m.plain = value, datatypeOf(value), true
		return statusOK, nil
	case memd.SubDocOpDeleteDoc:
		m.next.deleted, m.removed = true, true
		return statusOK, nil
	}
	if s.xattr() {
		out, st = m.changeXattr(s.xattrKey(), change)
	} else {
		out, st, err = m.changeBody(change)
	}
	if st == statusOK && out != nil {
		m.results = append(m.results, result{index, out})
	}
	return st, err
}

// changeXattr works on an object that has the one xattr as its member, so that
// making and deleting the xattr itself are nothing special.
func (m *mutation) changeXattr(key string, change subdoc.Mutation) ([]byte, status) {
	if change.Op == memd.SubDocOpDictSet && len(change.Path) == 1 && json.Valid(change.Value) { // the xattr as a whole
		m.next.xattrs = m.next.xattrs.with(key, subdoc.Canonical(change.Value))
		return nil, statusOK
	}
	around := []byte("{}")
	if value, ok := m.next.xattrs.get(key); ok {
		around = append(append([]byte(`{"`+key+`":`), value...), '}')
	}
	around, out, s := subdoc.Mutate(around, change)
	if s != statusOK {
		return nil, s
	}
	value, s := subdoc.Get(around, change.Path[:1])
	if s != statusOK {
		m.next.xattrs = m.next.xattrs.with(key, nil)
	} else {
		m.next.xattrs = m.next.xattrs.with(key, subdoc.Canonical(value))
	}
	return out, statusOK
}

func (m *mutation) changeBody(change subdoc.Mutation) ([]byte, status, error) {
	if m.next.datatype&datatypeJSON == 0 {
		return nil, memd.StatusSubDocNotJSON, nil
	}
	if !m.plain {
		body, err := m.view.body()
		if err != nil {
			return nil, statusOK, err
		}
		m.next.body, m.next.datatype, m.plain = body, m.next.datatype&^datatypeSnappy, true
	}
	body, out, s := subdoc.Mutate(m.next.body, change)
	if s == statusOK {
		m.next.body = body
	}
	return out, s, nil
}

func (m *mutation) bodyFromXattr(s *spec) status {
	if m.next.deleted {
		return statusDeletedHasNoValue
	}
	value, ok := m.next.xattrs.get(s.xattrKey())
	if !ok {
		return memd.StatusSubDocPathNotFound
	}
	body, st := subdoc.Get(value, s.parsed[1:])
	if st == statusOK {
		m.next.body, m.next.datatype, m.plain = body, datatypeJSON, true
	}
	return st
}
