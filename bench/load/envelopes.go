package load

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

const (
	bytesPerEvent = 512 // in the binary log: more than any event here takes
	logBytes      = 1 << 30
)

// Envelopes are raw records of Home Delivery's topic. A message's bytes are the
// caller's.
func (g *Generator) Envelopes() iter.Seq[Message] {
	return func(yield func(Message) bool) {
		last := make([]int, g.cfg.Keys) // the record that wrote the customer's row last
		for i := range g.cfg.Records {
			d := roll(g.cfg.Seed, ofRow, i)
			customer := g.customer(i, &d)
			op, before := "c", "null"
			if i >= g.cfg.Keys {
				op, before = "u", g.row(customer, last[customer])
			}
			last[customer] = i
			if !yield(Message{Key: fmt.Appendf(nil, `{"id":%d}`, 1000+customer), Value: envelope(op, before, g.row(customer, i), i)}) {
				return
			}
		}
	}
}

// row is the customer's as record i wrote it.
func (g *Generator) row(customer, i int) string {
	p := g.person(customer)
	address2 := "null"
	if p.address2 != "" {
		address2 = text(p.address2)
	}
	return fmt.Sprintf(`{"id":%d,"name":%s,"email":%s,"password":%s,"address_line_1":%s,"address_line_2":%s,"city":%s,"state":%s,"zipcode":%s,"phonenumber":%s}`,
		1000+customer, text(p.first+" "+p.last), text(p.email), text(p.pass), text(p.address1), address2,
		text(p.city), text(p.state), text(p.zipcode), text(fmt.Sprintf("%s %d", p.phone, i)))
}

func envelope(op, before, after string, i int) []byte {
	at := int64(i+1) * bytesPerEvent
	now := time.UnixMilli(1_555_000_000_000 + int64(i))
	committed := now.Truncate(time.Second)
	return fmt.Appendf(nil, `{"before":%s,"after":%s,"source":{"version":"3.3.1.Final","connector":"mysql","name":"dbserver1","ts_ms":%d,"snapshot":"false","db":"inventory","sequence":null,"ts_us":%d,"ts_ns":%d,"table":"customers","server_id":223344,"gtid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:%d","file":"mysql-bin.%06d","pos":%d,"row":0,"thread":28,"query":null},"transaction":null,"op":"%s","ts_ms":%d,"ts_us":%d,"ts_ns":%d}`,
		before, after, committed.UnixMilli(), committed.UnixMicro(), committed.UnixNano(), i+1, 3+at/logBytes, at%logBytes, op,
		now.UnixMilli(), now.UnixMicro(), now.UnixNano())
}

// text is a JSON string; strings always have one.
func text(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
