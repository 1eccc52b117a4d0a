package subdoc

import (
	"encoding/json"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Mutation is one change of a document.
type Mutation struct {
	Op     memd.SubDocOpType
	Path   Path
	Value  []byte // JSON; several values with commas between for the array operations
	MkdirP bool   // create the objects that lack on the way
}

// Mutate returns the changed document and, for a counter, the new number.
func Mutate(doc []byte, m Mutation) (changed, result []byte, status memd.StatusCode) {
	if status := m.validate(); status != memd.StatusSuccess {
		return nil, nil, status
	}
	at := locate(doc, m.Path)
	switch m.Op {
	case memd.SubDocOpDictAdd, memd.SubDocOpDictSet:
		changed, status = m.setMember(doc, at)
	case memd.SubDocOpReplace:
		if status = at.status; status == memd.StatusSuccess {
			changed = splice(doc, at.value, m.Value)
		}
	case memd.SubDocOpDelete:
		changed, status = remove(doc, at)
	case memd.SubDocOpArrayPushLast, memd.SubDocOpArrayPushFirst, memd.SubDocOpArrayAddUnique:
		changed, status = m.push(doc, at)
	case memd.SubDocOpArrayInsert:
		changed, status = m.insertElement(doc, at)
	case memd.SubDocOpCounter:
		return m.count(doc, at)
	default:
		status = memd.StatusSubDocBadCombo
	}
	return changed, nil, status
}

// validate looks at what is wrong with the mutation whatever the document.
func (m Mutation) validate() memd.StatusCode {
	last := step{isIndex: true}
	if len(m.Path) > 0 {
		last = m.Path[len(m.Path)-1]
	}
	switch m.Op {
	case memd.SubDocOpDictAdd, memd.SubDocOpDictSet:
		if last.isIndex {
			return memd.StatusSubDocPathInvalid
		}
	case memd.SubDocOpArrayInsert:
		if len(m.Path) == 0 || !last.isIndex || last.index < 0 {
			return memd.StatusSubDocPathInvalid
		}
	case memd.SubDocOpReplace, memd.SubDocOpCounter:
		if len(m.Path) == 0 {
			return memd.StatusSubDocPathInvalid
		}
	case memd.SubDocOpDelete:
		if len(m.Path) == 0 {
			return memd.StatusSubDocPathInvalid
		}
		return memd.StatusSuccess
	}
	return m.validateValue()
}

func (m Mutation) validateValue() memd.StatusCode {
	valid := true
	switch m.Op {
	case memd.SubDocOpCounter: // the delta has statuses of its own
	case memd.SubDocOpArrayPushLast, memd.SubDocOpArrayPushFirst, memd.SubDocOpArrayInsert:
		valid = len(m.Value) > 0 && json.Valid(array(m.Value)) && skipSpace(m.Value, 0) < len(m.Value)
	case memd.SubDocOpArrayAddUnique:
		start := skipSpace(m.Value, 0)
		valid = json.Valid(m.Value) && m.Value[start] != '{' && m.Value[start] != '['
	default:
		valid = json.Valid(m.Value)
	}
	if !valid {
		return memd.StatusSubDocCantInsert
	}
	return memd.StatusSuccess
}

func (m Mutation) setMember(doc []byte, at location) ([]byte, memd.StatusCode) {
	switch at.status {
	case memd.StatusSuccess:
		if m.Op == memd.SubDocOpDictAdd {
			return nil, memd.StatusSubDocPathExists
		}
		return splice(doc, at.value, m.Value), memd.StatusSuccess
	case memd.StatusSubDocPathNotFound:
		return m.create(doc, at, m.Value)
	}
	return nil, at.status
}

// create adds what lacks of the path, with value at its end, to the innermost
// object that is there.
func (m Mutation) create(doc []byte, at location, value []byte) ([]byte, memd.StatusCode) {
	missing := m.Path[at.depth:]
	if len(missing) > 1 && !m.MkdirP {
		return nil, memd.StatusSubDocPathNotFound
	}
	for _, s := range missing {
		if s.isIndex { // elements are not made out of nothing
			return nil, memd.StatusSubDocPathNotFound
		}
	}
	for i := len(missing) - 1; i > 0; i-- {
		value = concat([]byte{'{'}, member(missing[i].name, value), []byte{'}'})
	}
	return appendChild(doc, at.container, member(missing[0].name, value)), memd.StatusSuccess
}

func remove(doc []byte, at location) ([]byte, memd.StatusCode) {
	if at.status != memd.StatusSuccess {
		return nil, at.status
	}
	cut := at.child.whole
	if at.child.comma >= 0 {
		cut.start = at.child.comma
	} else if next := skipSpace(doc, cut.end); next < len(doc) && doc[next] == ',' {
		cut.end = skipSpace(doc, next+1)
	}
	return splice(doc, cut, nil), memd.StatusSuccess
}
