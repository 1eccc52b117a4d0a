package debezium

import (
	"fmt"
	"testing"

	"customer360/codec"
)

// TestSnapshotOfRecord: all versions' markers, wrapped and bare, flattened with
// and without the fields that bring them.
func TestSnapshotOfRecord(t *testing.T) {
	d, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	envelope := func(op, marker string) string {
		return fmt.Sprintf(`{"before":null,"after":{"id":1,"email":"a@b.c"},"source":{"db":"inventory","table":"customers","snapshot":%s,"gtid":null,"file":"mysql-bin.000003","pos":154,"row":0},"op":%q}`, marker, op)
	}
	const place = "mysql-bin.000003:154"
	for name, c := range map[string]struct {
		value string
		want  Snapshot
	}{
		"streamed":                   {envelope("u", `"false"`), Snapshot{}},
		"streamed, 0.9":              {envelope("u", `false`), Snapshot{}},
		"streamed, null":             {envelope("c", `null`), Snapshot{}},
		"0.9":                        {envelope("c", `true`), Snapshot{Row: true, Place: place}},
		"1.x":                        {envelope("r", `"true"`), Snapshot{Row: true, Place: place}},
		"the last of all":            {envelope("r", `"last"`), Snapshot{Row: true, Last: true, Place: place}},
		"the last of the table":      {envelope("r", `"last_in_data_collection"`), Snapshot{Row: true, Last: true, Place: place}},
		"the first of all":           {envelope("r", `"first"`), Snapshot{Row: true, First: true, Place: place}},
		"the first of the table":     {envelope("r", `"FIRST_IN_DATA_COLLECTION"`), Snapshot{Row: true, First: true, Place: place}},
		"incremental":                {envelope("r", `"incremental"`), Snapshot{Place: place}},
		"wrapped":                    {`{"schema":{"type":"struct"},"payload":` + envelope("r", `"last"`) + `}`, Snapshot{Row: true, Last: true, Place: place}},
		"flattened":                  {`{"id":1,"email":"a@b.c"}`, Snapshot{Flat: true}},
		"flattened with op":          {`{"id":1,"email":"a@b.c","__op":"r"}`, Snapshot{Row: true, Flat: true}},
		"flattened with all of it":   {`{"id":1,"email":"a@b.c","__op":"r","__source_snapshot":"last","__source_file":"mysql-bin.000003","__source_pos":154}`, Snapshot{Row: true, Flat: true, Last: true, Place: place}},
		"a delete that was streamed": {`{"before":{"id":1,"email":"a@b.c"},"after":null,"source":{"snapshot":"false","file":"mysql-bin.000003","pos":1},"op":"d"}`, Snapshot{}},
	} {
		got, err := d.Snapshot(&codec.Raw{Key: []byte(`{"id":1}`), Value: []byte(c.value)})
		if !c.want.Row && !c.want.First && err == nil {
			got.Place = c.want.Place // of no interest
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if s, err := d.Snapshot(&codec.Raw{Key: []byte(`{"id":1}`)}); err != nil || s != (Snapshot{}) {
		t.Errorf("a tombstone: %+v, %v", s, err)
	}
	if _, err := d.Snapshot(&codec.Raw{Key: []byte(`{"id":1}`), Value: []byte(`no JSON`)}); err == nil {
		t.Error("no JSON is taken")
	}
}

// TestSweptTombstone: a null by sweep withdraws also behind a refused d, where
// any other null is refused; an event at the last place counts again behind it.
func TestSweptTombstone(t *testing.T) {
	d, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	at := func(op string, pos int) codec.Raw {
		row, after := `{"id":1,"email":"a@b.c"}`, `{"id":1,"email":"a@b.c"}`
		if op == "d" {
			after = "null"
		}
		return codec.Raw{Key: []byte(`{"id":1}`), Value: fmt.Appendf(nil, `{"before":%s,"after":%s,"source":{"db":"inventory","table":"customers","snapshot":"false","server_id":5,"file":"b.000003","pos":%d,"row":0,"ts_ms":1000},"op":%q}`, row, after, pos, op)}
	}
	null := codec.Raw{Key: []byte(`{"id":1}`)}
	swept := codec.Raw{Key: []byte(`{"id":1}`), Headers: map[string][]byte{codec.HeaderSweepBy: []byte("x")}}
	for name, c := range map[string]struct {
		last codec.Raw
		want bool
	}{"any null": {null, false}, "a swept one": {swept, true}} {
		var state []byte
		for i, step := range []struct {
			raw  codec.Raw
			want bool
		}{{at("c", 100), true}, {at("d", 50), false}, {c.last, c.want}, {at("u", 100), true}} {
			change, err := d.Decode(&step.raw)
			if err != nil {
				t.Fatal(err)
			}
			var accepted bool
			if state, accepted = d.Accept(state, &change); accepted != step.want {
				t.Errorf("%s, step %d: accepted %t", name, i, accepted)
			}
		}
	}
}
