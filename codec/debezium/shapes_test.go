package debezium

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestVersions has the source block of each generation of connectors (case 1),
// every one in the four combinations of bare and wrapped key and value.
func TestVersions(t *testing.T) {
	const after = `"after":{"id":7,"name":"Ann","email":"ann@x.org"}`
	for version, value := range map[string]string{
		"0.9": `{"before":null,` + after + `,"source":{"version":"0.9.3.Final","connector":"mysql","name":"dbserver1","server_id":5,"ts_sec":1,"gtid":null,"file":"mysql-bin.000003","pos":154,"row":2,"snapshot":false,"thread":28,"db":"inventory","table":"customers","query":null},"op":"u","ts_ms":1}`,
		"1.x": `{"before":null,` + after + `,"source":{"version":"1.9.7.Final","connector":"mysql","name":"dbserver1","ts_ms":1,"snapshot":"false","db":"inventory","sequence":null,"table":"customers","server_id":5,"gtid":null,"file":"mysql-bin.000003","pos":154,"row":2,"thread":null,"query":null},"op":"u","ts_ms":1,"transaction":null}`,
		"2.x": `{"before":null,` + after + `,"source":{"version":"2.6.0.Final","connector":"mysql","name":"dbserver1","ts_ms":1,"snapshot":"false","db":"inventory","sequence":null,"ts_us":1,"ts_ns":1,"table":"customers","server_id":5,"gtid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:23","file":"mysql-bin.000003","pos":154,"row":2,"thread":9,"query":null},"transaction":null,"op":"u","ts_ms":1,"ts_us":1,"ts_ns":1}`,
		"3.x": `{"op":"u","ts_ms":1,"transaction":{"id":"x","total_order":3,"data_collection_order":1},"source":{"table":"customers","db":"inventory","row":2,"pos":154,"file":"mysql-bin.000003","server_id":5,"snapshot":null},` + after + `}`,
		"mariadb": ` { "after" : {"id":7,"name":"Ann","email":"ann@x.org"} , "source":{"version":"3.3.0.Final","connector":"mariadb","gtid":"0-5-9","file":"mysql-bin.000003","pos":154,"row":2,"server_id":5,"db":"inventory","table":"customers"},"op":"u"}
`,
	} {
		d := newDecoder(t, nil)
		var positions []string
		for _, key := range []string{`{"id":7}`, wrap(`{"id":7}`)} {
			for _, v := range []string{value, wrap(value), `{"payload":` + value + `,"schema":null}`} {
				c, err := d.Decode(record(key, v))
				if err != nil {
					t.Fatalf("%s: %v", version, err)
				}
				if got, want := one(t, c), "ann@x.org: id=7 name=Ann email=ann@x.org"; got != want {
					t.Errorf("%s: %s, want %s", version, got, want)
				}
				positions = append(positions, string(c.Position))
			}
		}
		var e event
		if err := e.decode([]byte(positions[0])); err != nil {
			t.Fatal(err)
		}
		want := event{server: 5, at: place{known: true, file: 3, pos: 154, row: 2}, time: map[string]int64{"0.9": 1000, "1.x": 1, "2.x": 1}[version]}
		if version == "3.x" {
			want.at.order = 3
		}
		if e != want {
			t.Errorf("%s: %+v, want %+v", version, e, want)
		}
		for _, p := range positions {
			if p != positions[0] {
				t.Errorf("%s: the position depends on the wrapping", version)
			}
		}
	}
}

func TestTutorialRecord(t *testing.T) {
	value, err := os.ReadFile("testdata/tutorial-0.9.json")
	if err != nil {
		t.Fatal(err)
	}
	c := decode1(t, newDecoder(t, nil), string(value))
	want := `sabryna_kovacek@farrell.co.uk: id=1029 pass=5owhiy1j.isq name=Sabryna Kovacek address1=600 Sporer Curve` +
		` address2=Suite 528 city=West Evertchester state=NH zipcode=04006 phone=811.128.4320 x4808 email=sabryna_kovacek@farrell.co.uk`
	if got := one(t, c); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestOps is case 2.
func TestOps(t *testing.T) {
	d := newDecoder(t, nil)
	for op, want := range map[string]event{
		"c": {creates: true}, "u": {}, "r": {snapshot: true}, "d": {deletes: true},
	} {
		var e event
		c := decode1(t, d, envelope(op, at("5/1:9:0"), "a@x"))
		if err := e.decode(c.Position); err != nil {
			t.Fatal(err)
		}
		want.server, want.at = 5, place{known: true, file: 1, pos: 9}
		if e != want || (op == "d") != (len(c.Assertions) == 0) {
			t.Errorf("%s: %+v with %d assertions, want %+v", op, e, len(c.Assertions), want)
		}
	}
	for op, label := range map[string]string{"t": IgnoredTruncate, "m": IgnoredMessage} {
		if c := decode1(t, d, envelope(op, at("5/1:9:0"), "")); c.Ignored != label {
			t.Errorf("%s: %q, want %q", op, c.Ignored, label)
		}
	}
	for name, c := range map[string]struct {
		value string
		want  error
	}{
		"unknown op":         {envelope("x", at("5/1:9:0"), "a@x"), errUnknownOp},
		"op of another type": {strings.Replace(envelope("c", at("5/1:9:0"), "a@x"), `"c"`, `1`, 1), errUnknownOp},
		"no op":              {`{"before":null,"after":` + rowOf("a@x") + `,"source":{}}`, errNoOp},
		"u without after":    {envelope("u", at("5/1:9:0"), ""), errNoAfter},
		"r without after":    {envelope("r", at("5/1:9:0"), ""), errNoAfter},
		"after is text":      {`{"op":"c","source":{},"after":"x"}`, errNoAfter},
		"after is missing":   {`{"op":"c","source":{}}`, errNoAfter},
		"nothing of both":    {`{"op":"c"}`, errNoShape},
	} {
		if got, err := d.Decode(record(key1, c.value)); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

// TestSnapshotMarkers is case 3.
func TestSnapshotMarkers(t *testing.T) {
	d := newDecoder(t, nil)
	for marker, want := range map[string]bool{
		`,"snapshot":true`: true, `,"snapshot":false`: false, `,"snapshot":null`: false, ``: false,
		`,"snapshot":"true"`: true, `,"snapshot":"first"`: true, `,"snapshot":"last"`: true, `,"snapshot":"false"`: false,
		`,"snapshot":"first_in_data_collection"`: true, `,"snapshot":"last_in_data_collection"`: true,
		`,"snapshot":"incremental"`: true, `,"snapshot":"FALSE"`: false, `,"snapshot":""`: false,
	} {
		for _, op := range []string{"c", "u", "d", "r"} {
			c := decode1(t, d, envelope(op, `{"file":"b.7","pos":4`+marker+`}`, "a@x"))
			var e event
			if err := e.decode(c.Position); err != nil || e.snapshot != (want || op == "r") {
				t.Errorf("%s, op %s: snapshot %t, %v", marker, op, e.snapshot, err)
			}
		}
	}
}

// TestTimes: RESET MASTER is known by the time of the c that brings a row back.
func TestTimes(t *testing.T) {
	d := newDecoder(t, nil)
	source := func(name string) string { return `{"server_id":5,"file":"b.%d","pos":%d,"` + name + `":%s}` }
	flat := `"__source_server_id":5,"__source_file":"b.%d","__source_pos":%d,"__source_ts_ms":%s`
	for name, form := range map[string]func(op string, file, pos int, time string) string{
		"1.x": func(op string, file, pos int, time string) string {
			return envelope(op, fmt.Sprintf(source("ts_ms"), file, pos, time), "a@x")
		},
		"0.9": func(op string, file, pos int, time string) string {
			return envelope(op, fmt.Sprintf(source("ts_sec"), file, pos, time), "a@x")
		},
		"flat": func(op string, file, pos int, time string) string {
			return fmt.Sprintf(`{"id":1,"email":"a@x","__deleted":"%t","__op":%q,`+flat+`}`, op == "d", op, file, pos, time)
		},
	} {
		for time, want := range map[string]bool{"1556559600": true, "1556559563": false, "1556559000": false, `"later"`: false, "9223372036854775807": name != "0.9"} {
			b := newTable(d)
			for i, value := range []string{form("c", 7, 500, "1556559562"), form("d", 7, 600, "1556559563"), "", form("c", 1, 100, time)} {
				accepted, err := b.apply(record(key1, value))
				if err != nil || accepted != (i < 3 || want) {
					t.Errorf("%s, created anew at %s, record %d: accepted %t, %v", name, time, i, accepted, err)
				}
			}
		}
	}
	c := decode1(t, d, `{"id":1,"email":"a@x","__ts_ms":7}`)
	var e event
	if err := e.decode(c.Position); err != nil || e.time != 0 {
		t.Errorf("__ts_ms, the connector's time, was taken for the source's: %+v, %v", e, err)
	}
}

// TestForeignRecords is case 4.
func TestForeignRecords(t *testing.T) {
	d := newDecoder(t, nil)
	other := strings.Replace(envelope("c", at("5/1:9:0"), "a@x"), `"table":"customers"`, `"table":"orders"`, 1)
	for name, c := range map[string]struct{ value, want string }{
		"heartbeat":            {`{"ts_ms":1795424003215}`, IgnoredHeartbeat},
		"heartbeat of 2.6":     {wrap(`{"ts_ms":1,"ts_us":1,"ts_ns":1}`), IgnoredHeartbeat},
		"begin":                {`{"status":"BEGIN","id":"0-1-6","event_count":null,"data_collections":null,"ts_ms":1}`, IgnoredTransaction},
		"begin before 1.9":     {`{"status":"BEGIN","id":"x","event_count":null,"data_collections":null}`, IgnoredTransaction},
		"ddl":                  {`{"source":{"table":null},"ts_ms":1,"databaseName":"","ddl":"SET x=1","tableChanges":[]}`, IgnoredDDL},
		"ddl of 0.9":           {`{"source":{},"databaseName":"inventory","ddl":"DROP TABLE x"}`, IgnoredDDL},
		"other table":          {other, IgnoredOtherTable},
		"other database":       {strings.Replace(envelope("c", at("5/1:9:0"), "a@x"), `"db":"inventory"`, `"db":"inventory2"`, 1), IgnoredOtherTable},
		"truncate of another":  {strings.Replace(other, `"op":"c"`, `"op":"t"`, 1), IgnoredOtherTable},
		"flat row of another":  {`{"id":1,"email":"a@x","__table":"orders"}`, IgnoredOtherTable},
		"flat, source of one":  {`{"id":1,"email":"a@x","__source_db":"other"}`, IgnoredOtherTable},
		"table is not told":    {envelope("c", `{"file":"b.1","pos":4}`, "a@x"), ""},
		"by its schema":        {`{"op":"u","after":` + rowOf("a@x") + `,"source":{"connector":"postgresql","lsn":24023128,"db":"shop","schema":"inventory","table":"customers"}}`, ""},
		"another schema":       {`{"op":"u","after":` + rowOf("a@x") + `,"source":{"db":"shop","schema":"archive","table":"customers"}}`, IgnoredOtherTable},
		"db and any schema":    {`{"op":"u","after":` + rowOf("a@x") + `,"source":{"db":"inventory","schema":"dbo","table":"customers"}}`, ""},
		"the case of the name": {strings.Replace(other, "orders", "Customers", 1), IgnoredOtherTable},
	} {
		if got := decode1(t, d, c.value).Ignored; got != c.want {
			t.Errorf("%s: ignored as %q, want %q", name, got, c.want)
		}
	}
	any := newDecoder(t, func(c *Config) { c.Table = "" })
	if c := decode1(t, any, other); c.Ignored != "" || len(c.Assertions) != 1 {
		t.Errorf("without a table in the configuration: %+v", c)
	}
	heartbeat := record(`{"serverName":"dbserver1"}`, `{"anything":1}`)
	heartbeat.Topic = "__debezium-heartbeat.dbserver1"
	if c, err := d.Decode(heartbeat); err != nil || c.Ignored != IgnoredHeartbeat {
		t.Errorf("the heartbeats' topic: %q, %v", c.Ignored, err)
	}
}

func TestNullKeys(t *testing.T) {
	d := newDecoder(t, nil)
	for value, want := range map[string]string{
		"": IgnoredNullKey, envelope("c", at("5/1:9:0"), "a@x"): IgnoredNullKey, `{"id":1,"email":"a@x"}`: IgnoredNullKey,
		envelope("t", at("5/1:9:0"), ""): IgnoredTruncate, `null`: IgnoredNullKey,
	} {
		raw := record("", value)
		raw.Key = nil
		if c, err := d.Decode(raw); err != nil || c.Ignored != want {
			t.Errorf("%.20s: ignored as %q, %v, want %q", value, c.Ignored, err, want)
		}
	}
}

// TestFlatRows is the first half of case 10: each delete mode as a script.
func TestFlatRows(t *testing.T) {
	const insert = `{"id":1,"name":"A","email":"a@x","__op":"c","__source_ts_ms":5}`
	for mode, records := range map[string][]string{
		"drop, tombstone kept":             {insert, ""},
		"tombstone":                        {insert, ""},
		"rewrite":                          {`{"id":1,"email":"a@x","__deleted":"false"}`, `{"id":1,"email":null,"__deleted":"true"}`},
		"rewrite, as a boolean":            {`{"id":1,"email":"a@x","__deleted":false}`, `{"id":1,"email":"a@x","__deleted":true}`},
		"rewrite-with-tombstone":           {insert, `{"id":1,"email":"a@x","__deleted":"true","__op":"d"}`, ""},
		"rewrite, wrapped":                 {wrap(insert), wrap(`{"id":1,"email":"a@x","__deleted":"true"}`)},
		"none, op added":                   {insert, `{"id":1,"email":"a@x","__op":"d"}`},
		"payload null":                     {wrap(insert), `{"schema":null,"payload":null}`},
		"a JSON null":                      {insert, "null"},
		"deleted row holds the key only":   {insert, `{"id":1,"__deleted":"true"}`},
		"deleted row holds the flag alone": {insert, `{"__deleted":"true"}`},
	} {
		b := newTable(newDecoder(t, nil))
		for i, value := range records {
			if accepted, err := b.apply(record(key1, value)); err != nil || !accepted {
				t.Errorf("%s, record %d: %t, %v", mode, i, accepted, err)
			}
			if there := len(b.show()) == 1; there != (i == 0) {
				t.Errorf("%s: after record %d the row is there: %t", mode, i, there)
			}
		}
		if accepted, _ := b.apply(record(key1, insert)); !accepted || len(b.show()) != 1 {
			t.Errorf("%s: a later row does not count", mode)
		}
	}
}

func TestFlatRowWithPosition(t *testing.T) {
	d := newDecoder(t, nil)
	c := decode1(t, d, `{"id":1,"email":"a@x","__op":"r","__source_file":"b.000004","__source_pos":77,"__source_row":1,"__source_server_id":3,"__source_snapshot":"last"}`)
	var e event
	if err := e.decode(c.Position); err != nil {
		t.Fatal(err)
	}
	if want := (event{snapshot: true, server: 3, at: place{known: true, file: 4, pos: 77, row: 1}}); e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
}

// TestFlatRowLikeAnEnvelope has columns that are named as members of envelopes.
func TestFlatRowLikeAnEnvelope(t *testing.T) {
	d := newDecoder(t, func(c *Config) {
		c.Mapping.Columns = map[string]string{"city": "op", "state": "source", "zipcode": "status", "phone": "payload", "address1": "schema"}
	})
	for _, value := range []string{flat(`"payload":null`), flat(`"schema":null`), `{"payload":null,"id":1,"email":"a@x"}`, `{"schema":null,"id":1,"email":"a@x"}`} {
		if got := one(t, decode1(t, d, value)); got != "a@x: id=1 email=a@x" {
			t.Errorf("%s: %s", value, got)
		}
	}
	c := decode1(t, d, `{"id":1,"email":"a@x","op":"Bergen","source":"NO","status":"5003","payload":"55","schema":"Bryggen","ts_ms":4}`)
	want := "a@x: id=1 address1=Bryggen city=Bergen state=NO zipcode=5003 phone=55 email=a@x"
	if got := one(t, c); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFlatRowWithAPayload(t *testing.T) {
	d := newDecoder(t, nil)
	for _, columns := range []string{`"payload":{"wkb":"AA=="}`, `"schema":null,"payload":null`} {
		if got := one(t, decode1(t, d, flat(columns))); got != "a@x: id=1 email=a@x" {
			t.Errorf("%s: %s", columns, got)
		}
	}
	if _, err := d.Decode(record(key1, `{"payload":null}`)); !errors.Is(err, errNoShape) {
		t.Errorf("a payload without a schema: %v", err)
	}
}
