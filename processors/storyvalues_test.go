package processors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/topology"
)

// tree is a JSON value that can be bent out of shape.
type tree struct {
	open     byte // { or [; 0: a scalar
	scalar   string
	names    []string // of members, as JSON
	children []*tree
}

func parseTree(d *json.Decoder) *tree {
	token, err := d.Token()
	if err != nil {
		return &tree{scalar: "null"}
	}
	open, ok := token.(json.Delim)
	if !ok {
		b, _ := json.Marshal(token)
		return &tree{scalar: string(b)}
	}
	n := &tree{open: byte(open)}
	for d.More() {
		if n.open == '{' {
			name, _ := d.Token()
			n.names = append(n.names, quoted(name.(string)))
		}
		n.children = append(n.children, parseTree(d))
	}
	_, _ = d.Token() // what closes it
	return n
}

func (n *tree) render(b *strings.Builder, space string) {
	if n.open == 0 {
		b.WriteString(n.scalar)
		return
	}
	b.WriteByte(n.open)
	for i, c := range n.children {
		if i > 0 {
			b.WriteString("," + space)
		}
		if n.open == '{' {
			b.WriteString(n.names[i] + space + ":")
		}
		c.render(b, space)
	}
	b.WriteByte(n.open + 2) // } or ]
}

func (n *tree) all() []*tree {
	all := []*tree{n}
	for _, c := range n.children {
		all = append(all, c.all()...)
	}
	return all
}

var (
	bentValues = []string{"null", "true", "false", "0", "1", "-0", "-1", "1.0", "1e3", "-5", "12345678901234567890", "9007199254740993", strings.Repeat("9", 130),
		`""`, `" "`, `"a@x"`, `" B@X\u00a0"`, `"nobody"`, `"\ud800"`, `"\ud83d\ude00@x"`, `"\u2028"`, `"mysql-bin.000004"`, `"bin.x"`, `".5"`, `"true"`, `"TRUE"`, `"False"`,
		`"c"`, `"d"`, `"r"`, `"u"`, `"t"`, `"m"`, `"x"`, `"\u0063"`, `"inventory"`, `"other"`, `"customers"`, `"0-1-7"`, `"u:5"`, `"u:t:6"`, "200", "404", `"404"`,
		"{}", "[]", `{"id":2}`, `{"email":"c@x"}`, `[{"OrderId":3}]`, `{"schema":{},"payload":{"id":4}}`}
	bentNames = []string{"before", "after", "source", "op", "transaction", "schema", "payload", "ts_ms", "ts_us", "ddl", "databaseName", "status", "event_count", "data_collections",
		"id", "ID", "email", "Email", "EMAIL", "name", "first_name", "last_name", "password", "city", "zipcode", "snapshot", "db", "table", "server_id", "gtid", "file", "pos", "row", "total_order",
		"__deleted", "__op", "__file", "__pos", "__source_pos", "__source_db", "__table", "points", "firstName", "customer", "orders", "Id", "Name", "OrderId", "orderId", "Items", "x"}
	// valid values of each topic, which are bent.
	homeValues = []string{
		`{"before":null,"after":{"id":1,"email":"a@x","name":"N","city":"C"},"source":{"snapshot":"false","db":"inventory","table":"customers","server_id":1,"gtid":null,"file":"b.000003","pos":200,"row":0},"op":"u","ts_ms":1}`,
		`{"schema":{},"payload":{"before":{"id":1,"email":"a@x"},"after":null,"source":{"db":"inventory","table":"customers","server_id":2,"file":"b.3","pos":150},"op":"d"}}`,
		`{"id":1,"email":"b@x","first_name":"F","last_name":"L","__deleted":"false","__op":"u","__source_file":"b.3","__pos":300}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{"file":"b.3","pos":0,"gtid":"0-1-5"},"op":"c","transaction":{"id":"0-1-5","total_order":2}}`,
		`{"ts_ms":1}`, `{"status":"END","id":"1","event_count":1,"data_collections":[]}`, `{"source":{},"databaseName":"d","ddl":"x"}`, `null`,
	}
	homeKeys     = []string{`{"id":1}`, `{"id":1}`, `{"id":1}`, `{"schema":{},"payload":{"id":1}}`, `{"a":1,"b":"x"}`, `{"id":null}`, `{}`, `1`, `"k"`, `k`, `[1]`, ` `, "\xff", ""}
	memberValues = []string{`{"id":"27","password":"p","firstName":"F","lastName":"L","email":"a@x","points":"47"}`, `{"email":"b@x"}`}
	answerValues = []string{
		`{"status":200,"customer":{"Id":1,"Name":"S","Email":"a@x","Password":"p"},"orders":[{"OrderId":1,"PurchaseDate":"2019-04-25","Items":[{"Price":1.5,"Quantity":2}]},{"orderId":2}]}`,
		`{"status":404}`,
	}
)

// bend draws a value: a valid one after up to three changes of its tree and, now
// and then, one of its bytes.
func (t *narrator) bend(values []string) []byte {
	n := parseTree(json.NewDecoder(strings.NewReader(t.pick(values...))))
	for range t.n(0, 3) {
		all := n.all()
		at := all[t.n(0, len(all)-1)]
		switch t.pick("value", "value", "rename", "remove", "twice", "add") {
		case "value":
			*at = tree{scalar: t.pick(bentValues...)}
		case "rename":
			if i := len(at.names); i > 0 {
				at.names[t.n(0, i-1)] = quoted(t.pick(bentNames...))
			}
		case "remove":
			if i := len(at.names); i > 0 {
				i = t.n(0, i-1)
				at.names, at.children = slices.Delete(slices.Clone(at.names), i, i+1), slices.Delete(slices.Clone(at.children), i, i+1)
			}
		case "twice":
			if i := len(at.names); i > 0 {
				i = t.n(0, i-1)
				at.names, at.children = append(at.names, at.names[i]), append(at.children, at.children[i])
			}
		case "add":
			if at.open == '{' {
				at.names = append(at.names, quoted(t.pick(bentNames...)))
				at.children = append(at.children, &tree{scalar: t.pick(bentValues...)})
			}
		}
	}
	var b strings.Builder
	n.render(&b, t.pick("", "", " ", "\n\t"))
	value := []byte(b.String())
	if t.oneIn(8) {
		at := t.n(0, len(value)-1)
		value[at] = rapid.SampledFrom([]byte("\x00\x1f \"\\{}[]:,0-1eu\xff")).Draw(t.t, "byte")
	}
	return value
}

// TestPropertyValues: whatever stands in a record, decoders and model take it
// for the same: a row, none of ours, a dead letter, or the end of the source.
func TestPropertyValues(t *testing.T) {
	checkStories(t, 2000, func(r *rapid.T, t testing.TB) (*story, string) {
		n := &narrator{t: r, story: &story{partitions: 1, pass: codec.PassKeep, layout: debezium.LayoutAuto}}
		n.layout = n.pick(debezium.LayoutAuto, debezium.LayoutAuto, debezium.LayoutName, debezium.LayoutFirstLast)
		switch n.pick("home", "home", "club", "shop") {
		case "home":
			for range n.n(1, 3) {
				n.add(rawRecord{topic: topology.HomeDeliveryTopic, key: n.pick(homeKeys...), value: n.bend(homeValues)})
			}
		case "club":
			for range n.n(1, 3) {
				rec := n.member("27", "", n.n(1, 2), n.pick("0", "f", "F", ""), n.n(0, 2))
				for name := range codecHeaders(n) {
					delete(rec.headers, name)
				}
				rec.value = n.bend(memberValues)
				n.add(rec)
			}
		case "shop":
			for range n.n(1, 2) {
				n.add(rawRecord{topic: topology.AnswersTopic, key: n.pick("a@x", "a@x", " A@X", "nobody", "\xff@x"), value: n.bend(answerValues)})
			}
		}
		n.add(rawRecord{topic: topology.LoyaltyTopic, key: "99", value: []byte(`{"email":"a@x"}`)}) // shows what the store says
		return n.story, checkValues(t, n.story)
	})
}

// codecHeaders draws headers of a position to be left out, none in most cases.
func codecHeaders(t *narrator) map[string]bool {
	out := map[string]bool{}
	switch t.n(1, 6) {
	case 1:
		out[t.pick(codec.HeaderFileHash, codec.HeaderFileRow, codec.HeaderFileTime)] = true
	case 2:
		out[codec.HeaderFileHash], out[codec.HeaderFileRow], out[codec.HeaderFileTime] = true, true, true
	}
	return out
}

func checkValues(t testing.TB, s *story) string {
	w, err := s.world()
	if err != nil {
		return err.Error()
	}
	m := s.model()
	w.publishStory(s, s.records, m)
	w.settle(first)
	if (w.stopped != nil) != (len(m.Stopped()) > 0) {
		return fmt.Sprintf("stopped: %v, model %v", w.stopped, m.Stopped())
	}
	if w.stopped != nil {
		return ""
	}
	for key, body := range w.documents(t) {
		if !json.Valid([]byte(body)) || bytes.ContainsAny([]byte(body), "\n\t") {
			return fmt.Sprintf("%s: no compact JSON: %s", key, body)
		}
	}
	return w.differs(t, m)
}
