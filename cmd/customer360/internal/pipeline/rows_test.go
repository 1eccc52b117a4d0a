package pipeline

import (
	"fmt"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// person is a row of Home Delivery's table, as far as the scenarios need it.
type person struct {
	id    int
	name  string
	email *string
}

func (p *person) image() string {
	switch {
	case p == nil:
		return "null"
	case p.email == nil:
		return fmt.Sprintf(`{"id":%d,"name":%q,"email":null}`, p.id, p.name)
	}
	return fmt.Sprintf(`{"id":%d,"name":%q,"email":%q}`, p.id, p.name, *p.email)
}

// document of someone whom Home Delivery alone knows.
func (p *person) document() string {
	return fmt.Sprintf(`{"type":"user","profile":{"name":%q,"email":%q},"xrefs":[{"external_system":"home_delivery","external_ID":%d}]}`,
		p.name, *p.email, p.id)
}

func at(id int, name, email string) *person { return &person{id, name, &email} }

func rowKey(id int) []byte { return fmt.Appendf(nil, `{"id":%d}`, id) }

// change is a Debezium record of a row at a place in the binlog.
func (c *cluster) change(pos int, before, after *person) *kgo.Record {
	return c.event(binlog{server: 223344, file: 3, pos: pos}, before, after)
}

// binlog is where a record comes from. A snapshot's has op r and no server.
type binlog struct {
	server, file, pos int
	snapshot          bool
}

// event is a Debezium record.
func (c *cluster) event(at binlog, before, after *person) *kgo.Record {
	op, row := "u", after
	switch {
	case at.snapshot:
		op = "r"
	case before == nil:
		op = "c"
	case after == nil:
		op, row = "d", before
	}
	key := rowKey(row.id)
	return &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: key, Partition: c.place(key), Value: fmt.Appendf(nil,
		`{"before":%s,"after":%s,"source":{"version":"3.3.1.Final","connector":"mysql","name":"dbserver1","ts_ms":1795423842000,`+
			`"snapshot":"%t","db":"inventory","table":"customers","server_id":%d,"gtid":null,"file":"mysql-bin.%06d",`+
			`"pos":%d,"row":0},"transaction":null,"op":"%s","ts_ms":1795423842294}`,
		before.image(), after.image(), at.snapshot, at.server, at.file, at.pos, op)}
}

// tombstone follows a delete.
func (c *cluster) tombstone(id int) *kgo.Record {
	key := rowKey(id)
	return &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: key, Partition: c.place(key)}
}

// again is a record as a connector that starts anew repeats it.
func again(records ...*kgo.Record) (copies []*kgo.Record) {
	for _, r := range records {
		copies = append(copies, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Partition: r.Partition})
	}
	return copies
}

// life is n changes of some rows, always the same for a seed: they come, move
// among three emails of their own, and go. It
// returns the documents that must be there after them.
func (c *cluster) life(seed uint64, rows, n int) (records []*kgo.Record, want map[string]string) {
	dice := rand.New(rand.NewPCG(seed, 1))
	now := make([]*person, rows)
	for i := range n {
		id := dice.IntN(rows)
		before := now[id]
		after := at(id+1, fmt.Sprintf("Person %d of step %d", id+1, i), fmt.Sprintf("p%d.%d@example.org", id+1, dice.IntN(3)))
		if before != nil && dice.IntN(6) == 0 {
			after = nil
		}
		records = append(records, c.change(100+10*i, before, after))
		if after == nil {
			records = append(records, c.tombstone(before.id))
		}
		now[id] = after
	}
	want = map[string]string{}
	for _, p := range now {
		if p != nil {
			want[*p.email] = p.document()
		}
	}
	return records, want
}
