package subdoc

import (
	"bytes"

	"github.com/couchbase/gocbcore/v10/memd"
)

// push adds elements to the array at the path, which mkdir_p may create.
func (m Mutation) push(doc []byte, at location) ([]byte, memd.StatusCode) {
	switch {
	case at.status == memd.StatusSubDocPathNotFound && m.MkdirP:
		return m.create(doc, at, array(m.Value))
	case at.status != memd.StatusSuccess:
		return nil, at.status
	case doc[at.value.start] != '[':
		return nil, memd.StatusSubDocPathMismatch
	case m.Op == memd.SubDocOpArrayPushFirst:
		return prependChild(doc, at.value, m.Value), memd.StatusSuccess
	case m.Op == memd.SubDocOpArrayAddUnique:
		if status := unique(doc, at.value, bytes.TrimSpace(m.Value)); status != memd.StatusSuccess {
			return nil, status
		}
	}
	return appendChild(doc, at.value, m.Value), memd.StatusSuccess
}

// unique refuses a value that an array has already, and arrays that hold more
// than primitives: the engine does not compare those.
func unique(doc []byte, in span, value []byte) memd.StatusCode {
	status := memd.StatusSuccess
	children(doc, in, func(c child) bool {
		switch {
		case isContainer(doc, c.value):
			status = memd.StatusSubDocPathMismatch
		case bytes.Equal(c.value.of(doc), value):
			status = memd.StatusSubDocPathExists
		}
		return status == memd.StatusSuccess
	})
	return status
}

// insertElement puts elements before the one at the path; the index behind the last is allowed.
func (m Mutation) insertElement(doc []byte, at location) ([]byte, memd.StatusCode) {
	index := m.Path[len(m.Path)-1].index
	switch {
	case at.status == memd.StatusSuccess:
		before := span{at.child.whole.start, at.child.whole.start}
		return splice(doc, before, concat(m.Value, []byte{','})), memd.StatusSuccess
	case at.status == memd.StatusSubDocPathNotFound && at.depth == len(m.Path)-1 && index == at.length:
		return appendChild(doc, at.container, m.Value), memd.StatusSuccess
	}
	return nil, at.status
}
