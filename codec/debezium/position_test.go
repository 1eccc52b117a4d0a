package debezium

import (
	"fmt"
	"testing"
)

// TestPositionsOfZero is the end of case 7: MariaDB 11.4.
func TestPositionsOfZero(t *testing.T) {
	type ev struct {
		op, gtid, transaction string
		pos                   int
		accepted              bool
	}
	for name, events := range map[string][]ev{
		"sequence of MariaDB's GTID": {{"u", `"0-5-9"`, "null", 0, true}, {"u", `"0-5-10"`, "null", 0, true}, {"u", `"0-5-9"`, "null", 0, false}},
		"sequence of MySQL's GTID":   {{"u", `"3e11-a:9"`, "null", -1, true}, {"u", `"3e11-a:tag:10"`, "null", -1, true}, {"u", `"3e11-a:9"`, "null", 0, false}},
		"of the transaction's id":    {{"u", `null`, `{"id":"0-5-9","total_order":1}`, 0, true}, {"u", `null`, `{"id":"0-5-8","total_order":9}`, 0, false}},
		"place in the transaction": {{"u", `"0-5-9"`, `{"id":"0-5-9","total_order":2}`, 0, true}, {"u", `"0-5-9"`, `{"id":"0-5-9","total_order":1}`, 0, false},
			{"u", `"0-5-9"`, `{"id":"0-5-9","total_order":2}`, 0, true}},
		"another domain follows the log":     {{"u", `"0-5-9"`, "null", 0, true}, {"u", `"1-5-8"`, "null", 0, true}},
		"no GTID follows the log":            {{"u", `null`, `{"id":"x","total_order":2}`, 0, true}, {"u", `""`, `{"id":"x","total_order":1}`, 0, true}},
		"from 0 to positions and back":       {{"u", `"0-5-9"`, "null", 0, true}, {"u", `"0-5-8"`, "null", 77, true}, {"u", `"0-5-7"`, "null", 0, true}},
		"a snapshot has no GTID":             {{"r", `null`, "null", 1513, true}, {"u", `"0-5-9"`, "null", 0, true}, {"u", `"0-5-8"`, "null", 0, false}},
		"insert and delete of one":           {{"c", `"0-5-9"`, "null", 0, true}, {"d", `"0-5-9"`, "null", 0, true}},
		"c beats d where the place is exact": {{"c", `"0-5-9"`, `{"total_order":2}`, 0, true}, {"d", `"0-5-9"`, `{"total_order":2}`, 0, false}},
	} {
		b := newTable(newDecoder(t, nil))
		for i, e := range events {
			email := "a@x"
			if e.op == "d" {
				email = ""
			}
			value := fmt.Sprintf(`{"after":%s,"source":{"server_id":5,"file":"b.000001","pos":%d,"row":0,"gtid":%s},"op":%q,"transaction":%s}`,
				rowOf(email), e.pos, e.gtid, e.op, e.transaction)
			accepted, err := b.apply(record(key1, value))
			if err != nil || accepted != e.accepted {
				t.Errorf("%s: event %d: accepted %t, %v", name, i, accepted, err)
			}
		}
	}
}

// TestOnePosOfATransaction: a compressed transaction of MySQL, and one of MariaDB
// 11.4 by Debezium 3.4, has one pos; each statement counts its rows from 0.
func TestOnePosOfATransaction(t *testing.T) {
	type ev struct {
		op          string
		pos, row    int
		transaction string
		accepted    bool
	}
	for name, events := range map[string][]ev{
		"a row that comes and goes": {{"c", 77, 0, `{"id":"x:9","total_order":1}`, true}, {"d", 77, 0, `{"id":"x:9","total_order":2}`, true}},
		"a statement of several rows, then one of one": {{"u", 77, 3, `{"id":"x:9","total_order":4}`, true}, {"u", 77, 0, `{"id":"x:9","total_order":5}`, true},
			{"u", 77, 3, `{"id":"x:9","total_order":4}`, false}, {"u", 77, 0, `{"id":"x:9","total_order":5}`, true}},
		"pos goes first":                         {{"u", 77, 0, `{"id":"x:9","total_order":9}`, true}, {"u", 78, 0, `{"id":"x:10","total_order":1}`, true}},
		"without total_order rows decide":        {{"u", 77, 3, `null`, true}, {"u", 77, 2, `{"id":"x:9","total_order":5}`, false}},
		"a total_order that is none":             {{"u", 77, 3, `{"total_order":"later"}`, true}, {"u", 77, 2, `{"total_order":9}`, false}},
		"the same total_order is the same event": {{"u", 77, 3, `{"total_order":4}`, true}, {"u", 77, 3, `{"total_order":4}`, true}},
	} {
		b := newTable(newDecoder(t, nil))
		for i, e := range events {
			email := "a@x"
			if e.op == "d" {
				email = ""
			}
			value := fmt.Sprintf(`{"after":%s,"source":{"server_id":5,"file":"b.000001","pos":%d,"row":%d},"op":%q,"transaction":%s}`,
				rowOf(email), e.pos, e.row, e.op, e.transaction)
			accepted, err := b.apply(record(key1, value))
			if err != nil || accepted != e.accepted {
				t.Errorf("%s: event %d: accepted %t, %v", name, i, accepted, err)
			}
		}
	}
}

func TestPositionsThatAreErrors(t *testing.T) {
	d := newDecoder(t, nil)
	for _, source := range []string{
		`{"file":"b","pos":4}`, `{"file":7,"pos":4}`, `{"file":"b.x1","pos":4}`, `{"file":"b.-1","pos":4}`,
		`{"file":"b.99999999999999999999","pos":4}`, `{"file":"b.1","pos":1.5}`, `{"file":"b.1","pos":"4"}`, `{"file":"b.1","pos":1e3}`,
		`{"file":"b.1","pos":9223372036854775808}`, `{"file":"b.1","pos":4,"row":-1}`, `{"file":"b.1","pos":4,"server_id":-7}`,
		`{"file":"b.1","pos":4,"server_id":true}`,
	} {
		if c, err := d.Decode(record(key1, envelope("u", source, "a@x"))); err == nil {
			t.Errorf("%s: taken with position %x", source, c.Position)
		}
	}
	for _, source := range []string{`{"pos":4}`, `{"file":null,"pos":4}`, `{"file":"","pos":4}`, `{}`} {
		c := decode1(t, d, envelope("u", source, "a@x"))
		var e event
		if err := e.decode(c.Position); err != nil || e.at != (place{}) {
			t.Errorf("%s: %+v, %v: want an unknown place", source, e, err)
		}
	}
}
