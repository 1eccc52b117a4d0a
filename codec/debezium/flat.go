package debezium

import "bytes"

// flatRow is a row as ExtractNewRecordState leaves it: the columns beside what
// delete.handling.mode=rewrite and add.fields add.
type flatRow struct {
	row
	deleted, op value
	from        source // of add.fields=source.file,source.pos,…
}

// take keeps a member of the flat row.
func (f *flatRow) take(s *scanner, columns []mappedColumn, name []byte, v value) {
	added, ok := bytes.CutPrefix(name, []byte("__"))
	if !ok {
		f.row.take(s, columns, name, v)
		return
	}
	switch string(added) {
	case "deleted":
		f.deleted = v
	case "op":
		f.op = v
	default:
		// add.fields names a field of the envelope or of its source, the latter
		// with or without the prefix.
		added, ofSource := bytes.CutPrefix(added, []byte("source_"))
		if at := f.from.member(added); at != nil {
			s.keep(at, v)
		} else if ofSource { // __ts_ms is the connector's time
			f.from.keepTime(added, v)
		}
	}
}

// action knows the string of delete.handling.mode=rewrite, the boolean that a
// Cast makes of it, and add.fields=op.
func (f *flatRow) action() action {
	switch {
	case string(f.deleted) == `"true"`, string(f.deleted) == `true`, string(f.op) == `"d"`:
		return deletes
	case string(f.op) == `"c"`:
		return creates
	case string(f.op) == `"r"`:
		return reads
	}
	return updates
}

// isRow tells whether any mapped column is there.
func (f *flatRow) isRow() bool {
	for _, v := range f.values {
		if v != nil {
			return true
		}
	}
	return f.deleted != nil
}
