package model

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// envelope is a value of Home Delivery, taken apart: what an envelope has, and
// all members in case it is a flat row.
type envelope struct {
	op, before, after, source, transaction []byte
	flat                                   []member
}

// homeColumns are the tutorial's columns by field.
var homeColumns = map[string]string{
	"id": "id", "email": "email", "pass": "password", "name": "name", "first_name": "first_name", "last_name": "last_name",
	"address1": "address_line_1", "address2": "address_line_2", "city": "city", "state": "state", "zipcode": "zipcode", "phone": "phonenumber",
}

var sourceFields = []string{"snapshot", "db", "table", "server_id", "gtid", "file", "pos", "row"}

func (m *Model) decodeHome(r *Raw) (decoded, error) {
	if len(r.Key) > 0 && r.Key[0] == 0 || len(r.Value) > 0 && r.Value[0] == 0 {
		return decoded{}, errRefused // a schema registry's format
	}
	if r.Value == nil {
		return tombstone(), nil
	}
	if err := checkJSON(r.Value); err != nil {
		return decoded{}, err
	}
	if kind(r.Value) == 'n' {
		return tombstone(), nil
	}
	if kind(r.Value) != '{' {
		return decoded{}, errRefused
	}
	payload, null, err := unwrap(members(r.Value))
	if err != nil {
		return decoded{}, err
	}
	if null {
		return tombstone(), nil
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

func tombstone() decoded {
	return decoded{accept: func(s *said) bool { return s.binlog.acceptTombstone() }}
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
	for _, part := range []struct {
		name string
		at   *[]byte
	}{{"op", &e.op}, {"before", &e.before}, {"after", &e.after}, {"source", &e.source}} {
		for _, p := range payload {
			if p.name != part.name {
				continue
			}
			if *part.at != nil {
				return e, errRefused
			}
			*part.at = p.value
		}
	}
	for _, p := range payload {
		if p.name == "transaction" && kind(p.value) == '{' {
			e.transaction = p.value
		}
		if inner := (p.name == "after" || p.name == "source" || p.name == "transaction") && kind(p.value) == '{'; !inner {
			e.flat = append(e.flat, p)
		}
	}
	return e, nil
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

// change reads an envelope, or a flat row with what add.fields put beside it.
func (m *Model) change(r *Raw, e envelope) (decoded, error) {
	image, err := m.columns(e.after)
	if err != nil {
		return decoded{}, err
	}
	from, err := fieldsOf(e.source, sourceFields)
	if err != nil {
		return decoded{}, err
	}
	transaction, err := fieldsOf(e.transaction, []string{"id", "total_order"})
	if err != nil {
		return decoded{}, err
	}
	row, added, op, err := m.flatRow(e.flat)
	if err != nil {
		return decoded{}, err
	}
	isObject := func(b []byte) bool { return kind(b) == '{' }
	switch {
	case e.op != nil && (isObject(e.source) || e.before != nil || e.after != nil):
		if op = opOf(e.op); op == "" || strings.Contains("cru", op) && !isObject(e.after) {
			return decoded{}, errRefused
		}
	case isObject(e.source) && (e.before != nil || e.after != nil):
		return decoded{}, errRefused // no op
	case op == "":
		return decoded{}, errRefused // no row of ours either
	default:
		image, from = row, added
	}
	if db, table, ok := strings.Cut(*m.options.Table, "."); ok && (isOther(from["db"], db) || isOther(from["table"], table)) ||
		op == "t" || op == "m" || r.Key == nil {
		return decoded{ignored: true}, nil
	}
	return m.event(r, op, image, from, transaction)
}

func opOf(raw []byte) string {
	switch s := string(raw); s {
	case `"c"`, `"r"`, `"u"`, `"d"`, `"t"`, `"m"`:
		return s[1:2]
	}
	return ""
}

func isOther(raw []byte, want string) bool { return kind(raw) == '"' && unquote(raw) != want }

// fieldsOf reads the named members of an object; none may come twice.
func fieldsOf(object []byte, names []string) (map[string][]byte, error) {
	fields := map[string][]byte{}
	if kind(object) != '{' {
		return fields, nil
	}
	for _, m := range members(object) {
		for _, name := range names {
			if m.name != name {
				continue
			}
			if fields[name] != nil {
				return nil, errRefused
			}
			fields[name] = m.value
		}
	}
	return fields, nil
}

// columns finds the mapped columns of an image, by the exact name, else in
// another case: field -> value.
func (m *Model) columns(image []byte) (map[string][]byte, error) {
	if kind(image) != '{' {
		return map[string][]byte{}, nil
	}
	return m.pick(members(image))
}

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
	for _, f := range all {
		name, ok := strings.CutPrefix(f.name, "__")
		switch {
		case !ok:
			columns = append(columns, f)
		case name == "deleted":
			deleted = f.value
		case name == "op":
			given = f.value
		default:
			fields = append(fields, member{strings.TrimPrefix(name, "source_"), f.value})
		}
	}
	if row, err = m.pick(columns); err != nil {
		return nil, nil, "", err
	}
	added = map[string][]byte{}
	for _, f := range fields {
		for _, name := range sourceFields {
			if f.name == name && added[name] != nil {
				return nil, nil, "", errRefused
			}
			if f.name == name {
				added[name] = f.value
			}
		}
	}
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

// keyForm names the form of a raw key.
func keyForm(key []byte) string {
	switch _, wrapped := keyPayload(key); {
	case checkJSON(key) != nil || kind(key) != '{':
		return "other"
	case wrapped:
		return "wrapped"
	}
	return "bare"
}

// keyPayload of an object with the members schema and payload and no other.
func keyPayload(key []byte) ([]byte, bool) {
	if checkJSON(key) != nil || kind(key) != '{' {
		return nil, false
	}
	schema, payload := false, []byte(nil)
	all := members(key)
	for _, k := range all {
		switch k.name {
		case "schema":
			schema = true
		case "payload":
			payload = k.value
		}
	}
	return payload, len(all) == 2 && schema && payload != nil
}

// keyID is the external id that a raw key holds, as JSON.
func keyID(key []byte) (string, error) {
	if checkJSON(key) != nil {
		if len(bytes.TrimSpace(key)) == 0 || !utf8.Valid(key) {
			return "", errRefused
		}
		return quoteID(string(key)), nil
	}
	if payload, ok := keyPayload(key); ok {
		key = payload
	}
	if kind(key) != '{' {
		return presentID(key)
	}
	parts := members(key)
	if len(parts) == 1 {
		return presentID(parts[0].value)
	}
	var texts []string
	for _, p := range parts {
		t, err := text(p.value)
		if err != nil {
			return "", err
		}
		texts = append(texts, t)
	}
	if len(texts) == 0 {
		return "", errRefused
	}
	return quoteID(strings.Join(texts, "/")), nil
}

func presentID(b []byte) (string, error) {
	if kind(b) == 'n' {
		return "", errRefused
	}
	return scalarID(b)
}

// scalarID is an id with the source's own type: a number verbatim, text in one
// spelling.
func scalarID(b []byte) (string, error) {
	b = bytes.TrimSpace(b)
	if kind(b) != '"' {
		return text(b)
	}
	if bytes.ContainsRune(b, '\\') {
		return quoteID(unquote(b)), nil
	}
	return string(b), nil
}
