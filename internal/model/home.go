package model

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// envelope is a value of Home Delivery, taken apart: what an envelope has, and
// what a flat row has.
type envelope struct {
	op, before, after, source []byte
	image, from, transaction  map[string][]byte // columns of after by field, fields of source and transaction

	flatOp    string            // "" where there is no flat row
	row       map[string][]byte // its columns by field
	flatAdded map[string][]byte // what add.fields added of source
}

// homeColumns are the tutorial's columns by field.
var homeColumns = map[string]string{
	"id": "id", "email": "email", "pass": "password", "name": "name", "first_name": "first_name", "last_name": "last_name",
	"address1": "address_line_1", "address2": "address_line_2", "city": "city", "state": "state", "zipcode": "zipcode", "phone": "phonenumber",
}

var sourceFields = []string{"snapshot", "db", "schema", "table", "server_id", "gtid", "file", "pos", "row"}

func (m *Model) decodeHome(r *Raw) (decoded, error) {
	if len(r.Key) > 0 && r.Key[0] == 0 || len(r.Value) > 0 && r.Value[0] == 0 {
		return decoded{}, errRefused // a schema registry's format
	}
	if r.Value == nil {
		return tombstone(r), nil
	}
	if err := checkJSON(r.Value); err != nil {
		return decoded{}, err
	}
	if kind(r.Value) == 'n' {
		return tombstone(r), nil
	}
	if kind(r.Value) != '{' {
		return decoded{}, errRefused
	}
	payload, null, err := unwrap(members(r.Value))
	if err != nil {
		return decoded{}, err
	}
	if null {
		return tombstone(r), nil
	}
	e, err := m.takeApart(payload)
	if err != nil {
		return decoded{}, err
	}
	if isForeign(r.Topic, payload, e.op) {
		return decoded{ignored: true}, nil
	}
	return m.change(r, e)
}

func tombstone(r *Raw) decoded {
	_, swept := r.Headers["c360.sweep.by"]
	return decoded{accept: func(s *said) bool { return s.binlog.acceptTombstone(swept) }}
}

// unwrap returns the payload's members; a schema may stand beside it, and
// nothing else. Without a payload that is an object or null beside a schema the
// members themselves are the message.
func unwrap(top []member) (payload []member, null bool, err error) {
	var bare []member
	schema, object, nothing := false, false, false
	for _, m := range top {
		k := kind(m.value)
		switch {
		case m.name == "schema" && (k == '{' || k == 'n') && !schema:
			schema = true
		case m.name == "payload" && k == '{' && !object && len(bare) == 0:
			object, payload = true, members(m.value)
		case m.name == "payload" && k == 'n' && !nothing:
			nothing = true
		default:
			bare = append(bare, m)
		}
	}
	switch {
	case object && (len(bare) > 0 || nothing || !schema):
		return nil, false, errRefused
	case object:
		return payload, false, nil
	}
	return bare, nothing && schema && len(bare) == 0, nil
}

// takeApart refuses a name that matters twice.
func (m *Model) takeApart(payload []member) (envelope, error) {
	var e envelope
	var transaction, flat []member
	for _, p := range payload {
		object := kind(p.value) == '{'
		part := map[string]*[]byte{"op": &e.op, "before": &e.before, "after": &e.after, "source": &e.source}[p.name]
		switch {
		case part != nil && *part != nil:
			return e, errRefused
		case part != nil:
			*part = p.value
		case p.name == "transaction" && object:
			transaction = append(transaction, members(p.value)...)
			continue
		}
		if (p.name != "after" && p.name != "source") || !object {
			flat = append(flat, p)
		}
	}
	var errs [4]error
	if kind(e.after) == '{' {
		e.image, errs[0] = m.pick(members(e.after))
	}
	if kind(e.source) == '{' {
		e.from, errs[1] = fieldsOf(members(e.source), sourceFields)
		for _, f := range members(e.source) {
			if strings.HasPrefix(f.name, "ts_") && errs[1] == nil {
				e.from[f.name] = f.value // the last one
			}
		}
	}
	e.transaction, errs[2] = fieldsOf(transaction, []string{"id", "total_order"})
	e.row, e.flatAdded, e.flatOp, errs[3] = m.flatRow(flat)
	return e, errors.Join(errs[:]...)
}

// isForeign knows heartbeats, schema changes and transactions.
func isForeign(topic string, payload []member, op []byte) bool {
	count := func(names ...string) (n int) {
		for _, p := range payload {
			for _, name := range names {
				if p.name == name {
					n++
				}
			}
		}
		return n
	}
	times := count("ts_ms", "ts_us", "ts_ns")
	return strings.HasPrefix(topic, "__debezium-heartbeat") || times > 0 && times == len(payload) ||
		count("ddl", "databaseName") == 2 && op == nil || count("status", "event_count", "data_collections") == 3 && op == nil
}

// change tells an envelope from a flat row, and what either says.
func (m *Model) change(r *Raw, e envelope) (decoded, error) {
	image, from, op := e.image, e.from, opOf(e.op)
	isObject := func(b []byte) bool { return kind(b) == '{' }
	switch {
	case e.op != nil && (isObject(e.source) || e.before != nil || e.after != nil):
		if op == "" || strings.Contains("cru", op) && !isObject(e.after) {
			return decoded{}, errRefused
		}
	case isObject(e.source) && (e.before != nil || e.after != nil):
		return decoded{}, errRefused // no op
	case e.flatOp == "":
		return decoded{}, errRefused // no row of ours either
	default:
		image, from, op = e.row, e.flatAdded, e.flatOp
	}
	if m.isOtherTable(from) ||
		op == "t" || op == "m" || r.Key == nil {
		return decoded{ignored: true}, nil
	}
	return m.event(r, op, image, from, e.transaction)
}

func opOf(raw []byte) string {
	switch s := string(raw); s {
	case `"c"`, `"r"`, `"u"`, `"d"`, `"t"`, `"m"`:
		return s[1:2]
	}
	return ""
}

// isOtherTable: the table has another name, or its database has and no schema
// has that name.
func (m *Model) isOtherTable(from map[string][]byte) bool {
	where, table, ok := strings.Cut(*m.options.Table, ".")
	if !ok {
		return false
	}
	schema := from["schema"]
	named := !isOther(from["db"], where) || kind(schema) == '"' && unquote(schema) == where
	return isOther(from["table"], table) || !named
}

func isOther(raw []byte, want string) bool { return kind(raw) == '"' && unquote(raw) != want }

// fieldsOf finds members by their names; none may come twice.
func fieldsOf(all []member, names []string) (map[string][]byte, error) {
	fields := map[string][]byte{}
	for _, m := range all {
		if !slices.Contains(names, m.name) {
			continue
		}
		if fields[m.name] != nil {
			return nil, errRefused
		}
		fields[m.name] = m.value
	}
	return fields, nil
}

// pick finds the mapped columns, by the exact name, else in another case:
// field -> value.
func (m *Model) pick(columns []member) (map[string][]byte, error) {
	fields, exact := map[string][]byte{}, map[string]bool{}
	for field := range homeColumns {
		name := m.column(field)
		if name == "" {
			continue
		}
		for _, c := range columns {
			switch {
			case c.name == name && exact[field]:
				return nil, errRefused
			case c.name == name:
				fields[field], exact[field] = c.value, true
			case len(c.name) == len(name) && strings.EqualFold(c.name, name) && !exact[field]:
				fields[field] = c.value
			}
		}
	}
	return fields, nil
}

// column of a field, "" where the layout or the mapping has none.
func (m *Model) column(field string) string {
	if field == "name" && m.options.Layout == "first_last" || strings.HasSuffix(field, "_name") && m.options.Layout == "name" {
		return ""
	}
	if name, ok := m.options.Columns[field]; ok {
		return name
	}
	return homeColumns[field]
}

// flatRow reads what ExtractNewRecordState leaves: columns, __deleted, and the
// fields that add.fields adds with two underscores. op is "" where there is no
// row.
func (m *Model) flatRow(all []member) (row, added map[string][]byte, op string, err error) {
	var columns, fields []member
	var deleted, given []byte
	times := map[string][]byte{}
	for _, f := range all {
		name, ok := strings.CutPrefix(f.name, "__")
		switch {
		case !ok:
			columns = append(columns, f)
		case name == "deleted":
			deleted = f.value
		case name == "op":
			given = f.value
		case name == "source_ts_ms", name == "source_ts_sec":
			times[strings.TrimPrefix(name, "source_")] = f.value
		default:
			fields = append(fields, member{strings.TrimPrefix(name, "source_"), f.value})
		}
	}
	if row, err = m.pick(columns); err != nil {
		return nil, nil, "", err
	}
	if added, err = fieldsOf(fields, sourceFields); err != nil {
		return nil, nil, "", err
	}
	maps.Copy(added, times)
	switch {
	case len(row) == 0 && deleted == nil:
		return row, added, "", nil
	case string(deleted) == `"true"`, string(deleted) == "true", string(given) == `"d"`:
		op = "d"
	case string(given) == `"c"`, string(given) == `"r"`:
		op = string(given[1:2])
	default:
		op = "u"
	}
	return row, added, op, nil
}
