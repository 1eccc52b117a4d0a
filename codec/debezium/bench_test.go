package debezium

import (
	"testing"

	"customer360/codec"
)

const benchValue = `{"before":{"id":1004,"first_name":"Anne","last_name":"Kretchmar","email":"annek@noanswer.org"},"after":{"id":1004,"first_name":"Anne Marie","last_name":"Kretchmar","email":"annek@noanswer.org"},"source":{"version":"3.3.0.Final","connector":"mariadb","name":"dbserver1","ts_ms":1795423844000,"snapshot":"false","db":"inventory","sequence":null,"ts_us":1795423844000000,"ts_ns":1795423844000000000,"table":"customers","server_id":223344,"gtid":"0-223344-5","file":"mysql-bin.000001","pos":2015,"row":0,"thread":null,"query":null},"transaction":null,"op":"u","ts_ms":1795423845003,"ts_us":1795423845003690,"ts_ns":1795423845003690134}`

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(b, nil)
	wrapped := capture(b, "schema.update.jsonl")[0]
	for _, c := range []struct {
		name string
		raw  *codec.Raw
	}{
		{"bare", record(`{"id":1004}`, benchValue)}, {"wrapped", &wrapped},
		{"flat", record(`{"id":1004}`, `{"id":1004,"first_name":"Anne Marie","last_name":"Kretchmar","email":"annek@noanswer.org","__deleted":"false"}`)},
	} {
		raw := c.raw
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw.Value)))
			b.ReportAllocs()
			for b.Loop() {
				if c, err := d.Decode(raw); err != nil || len(c.Assertions) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAccept(b *testing.B) {
	d := newDecoder(b, nil)
	c, err := d.Decode(&codec.Raw{Key: []byte(`{"id":1004}`), Value: []byte(benchValue)})
	if err != nil {
		b.Fatal(err)
	}
	state, _ := d.Accept(nil, &c)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := d.Accept(state, &c); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkKeyForm(b *testing.B) {
	key := []byte(`{"id":1004}`)
	b.ReportAllocs()
	for b.Loop() {
		if KeyForm(key) != KeyBare {
			b.Fatal("form")
		}
	}
}
