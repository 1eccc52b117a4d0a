package debezium

import (
	"bytes"
	"errors"
	"strings"
)

// heartbeatTopics is how Debezium's default heartbeat topics begin.
const heartbeatTopics = "__debezium-heartbeat"

// foreign names the kind of record that is no change of a row: Debezium writes
// each to a topic of its own, but routing can bring them here.
func (m *message) foreign(topic string) string {
	switch {
	case strings.HasPrefix(topic, heartbeatTopics), m.times > 0 && m.times == m.members:
		return IgnoredHeartbeat
	case m.ddl == 2 && m.op == nil:
		return IgnoredDDL
	case m.boundary == 3 && m.op == nil:
		return IgnoredTransaction
	}
	return ""
}

// action is what a message says about a row.
type action uint8

const (
	updates action = iota // or does not say
	creates
	reads
	deletes
	truncates
	informs // pg_logical_emit_message and its like
)

var (
	errNoShape   = errors.New("the value is neither a Debezium envelope nor a row with one of the mapped columns")
	errNoOp      = errors.New("the envelope has no op")
	errNoAfter   = errors.New("the envelope has no after, and its op is not d")
	errUnknownOp = errors.New("the envelope's op is unknown: c, u, r, d, t and m are known")
)

// action tells an envelope from a flat row, and what either says.
func (m *message) action() (a action, flat bool, err error) {
	object := m.source == '{' || m.before == '{' || m.after == '{'
	switch {
	case m.op != nil && (object || m.before != 0 || m.after != 0):
		a, err = m.envelopeAction()
		return a, false, err
	case m.source == '{' && (m.before != 0 || m.after != 0):
		return 0, false, errNoOp
	case m.flat.isRow():
		return m.flat.action(), true, nil
	}
	return 0, false, errNoShape
}

func (m *message) envelopeAction() (action, error) {
	a := updates
	switch string(m.op) {
	case `"d"`:
		return deletes, nil
	case `"t"`:
		return truncates, nil
	case `"m"`:
		return informs, nil
	case `"c"`:
		a = creates
	case `"r"`:
		a = reads
	case `"u"`:
	default:
		return 0, errUnknownOp
	}
	if m.after != '{' {
		return 0, errNoAfter
	}
	return a, nil
}

// isSnapshot reads the snapshot marker, which was a boolean in 0.9, is a string
// since 1.0 ("true", "first", "last", "incremental", …; "false" when streaming)
// and is null or missing where it is false by default.
func isSnapshot(v value) bool {
	switch v.kind() {
	case 't':
		return true
	case '"':
		text := unquote(v)
		return len(text) > 0 && !bytes.EqualFold(text, []byte("false"))
	}
	return false
}

func cutTable(table string) (db, name string, ok bool) { return strings.Cut(table, ".") }

// differs tells whether v is a text and another one than want.
func differs(v value, want string) bool {
	return len(v) > 0 && v.kind() == '"' && string(unquote(v)) != want
}
