package debezium

import (
	"bytes"
	"strings"

	"customer360/codec"
)

// Snapshot is what a record says about the snapshot of whole tables that it
// belongs to.
type Snapshot struct {
	Row   bool // it is a row of one; rows of incremental snapshots are not
	Flat  bool // it is a flattened row, which has no marker unless add.fields brings it
	First bool // it is marked as the first row of the snapshot or of the table
	Last  bool // as the last one
	// Place is the place in the binlog as of which the snapshot was taken, the same
	// in all its rows: file and position, and the GTID where there is one.
	Place string
}

// Snapshot reads the markers of a record that Decode understands and does not
// ignore. Versions: 0.9 has a boolean, so no last row; 1.x marks the last row of
// all tables; from 2.0 on each table's first and last rows are marked.
func (d *Decoder) Snapshot(raw *codec.Raw) (Snapshot, error) {
	raw, err := d.Transcode(raw)
	if err != nil || raw.Value == nil {
		return Snapshot{}, err
	}
	var m message
	if err := m.read(raw.Value, d.columns); err != nil || m.null {
		return Snapshot{}, err
	}
	a, flat, err := m.action()
	if err != nil {
		return Snapshot{}, err
	}
	from := &m.from
	if flat {
		from = &m.flat.from
	}
	s := Snapshot{Flat: flat}
	if a != reads && !isSnapshot(from.snapshot) {
		return s, nil
	}
	marker := ""
	if from.snapshot.kind() == '"' {
		marker = strings.ToLower(string(unquote(from.snapshot)))
	}
	s.Row = marker != "incremental"
	s.First = marker == "first" || marker == "first_in_data_collection"
	s.Last = marker == "last" || marker == "last_in_data_collection"
	if file := sourceText(from.file); len(file) > 0 {
		s.Place = strings.TrimRight(string(bytes.Join([][]byte{file, sourceText(from.pos), sourceText(from.gtid)}, []byte(":"))), ":")
	}
	return s, nil
}

// sourceText is a string's text, a number's digits, nothing of null.
func sourceText(v value) []byte {
	switch {
	case len(v) == 0 || v.kind() == 'n':
		return nil
	case v.kind() == '"':
		return unquote(v)
	}
	return v
}
