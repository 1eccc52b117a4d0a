package processors

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/codec/loyalty"
	"customer360/codec/onlinestore"
	"customer360/topology"
)

// realSources are the three sources with their real decoders.
func realSources(t testing.TB) []codec.Source {
	t.Helper()
	delivery, err1 := debezium.New(debezium.DefaultConfig())
	members, err2 := loyalty.New(loyalty.Config{Pass: codec.PassKeep})
	store, err3 := onlinestore.New(onlinestore.Config{Pass: codec.PassKeep})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return []codec.Source{
		{Name: codec.HomeDelivery, Topic: topology.HomeDeliveryTopic, Primary: true, Decoder: delivery},
		{Name: codec.Loyalty, Topic: topology.LoyaltyTopic, Primary: true, Decoder: members},
		{Name: codec.OnlineStore, Topic: topology.AnswersTopic, Decoder: store},
	}
}

// rawRecord is what a line of a script publishes.
type rawRecord struct {
	topic, key string
	value      []byte
	headers    map[string][]byte
	partition  []int32
}

// words splits a line at spaces; "..." keeps them, with Go's escapes.
func words(line string) (bare []string, named map[string]string, err error) {
	named = map[string]string{}
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		end := strings.IndexAny(line+" ", " =")
		name := line[:end]
		if !strings.HasPrefix(line[end:], "=") {
			bare, line = append(bare, name), line[end:]
			continue
		}
		line = line[end+1:]
		value, rest, _ := strings.Cut(line, " ")
		if quoted, qerr := strconv.QuotedPrefix(line); qerr == nil {
			rest = line[len(quoted):]
			if value, err = strconv.Unquote(quoted); err != nil {
				return nil, nil, err
			}
		}
		named[name], line = value, rest
	}
	return bare, named, nil
}

// parseRaw reads a line of a script:
//
//	hd id=1 op=c email=a@x name="A B" city=C pos=3/100 server=1 [snapshot=true] [table=other]
//	hd id=1 null                      a tombstone; wrapped: the key with its schema
//	hd value='text'                   verbatim
//	loyalty id=27 email=a@x first=A last=B points=47 file=100a row=1
//	loyalty id=27 null file=100a row=2
//	store a@x id=1 name=A email=a@x orders=1:10,2:3
//	store a@x 404|null
//
// key= replaces the key, "" is null; partition= the key's place.
func parseRaw(line string) (rawRecord, error) {
	bare, named, err := words(line)
	if err != nil {
		return rawRecord{}, err
	}
	has := func(word string) bool {
		for _, w := range bare {
			if w == word {
				return true
			}
		}
		return false
	}
	var r rawRecord
	switch bare[0] {
	case "hd":
		r = deliveryRecord(named, has)
	case "loyalty":
		r = memberRecord(named)
	case "store":
		r, err = answerRecord(bare[1], named, has)
	default:
		return r, fmt.Errorf("unknown line %q", line)
	}
	if has("null") {
		r.value = nil
	}
	if v, ok := named["value"]; ok {
		r.value = []byte(v)
	}
	if k, ok := named["key"]; ok {
		r.key = k
	}
	if p, ok := named["partition"]; ok {
		n, _ := strconv.Atoi(p)
		r.partition = []int32{int32(n)}
	}
	return r, err
}

func deliveryRecord(named map[string]string, has func(string) bool) rawRecord {
	quote := func(s string) string { b, _ := jsontext.AppendQuote(nil, s); return string(b) }
	or := func(name, otherwise string) string {
		if v, ok := named[name]; ok {
			return v
		}
		return otherwise
	}
	r := rawRecord{topic: topology.HomeDeliveryTopic, key: `{"id":` + named["id"] + `}`}
	if has("wrapped") {
		r.key = `{"schema":{"type":"struct"},"payload":` + r.key + `}`
	}
	row := `{"id":` + named["id"]
	for _, c := range [...][2]string{{"name", "name"}, {"email", "email"}, {"pass", "password"}, {"address1", "address_line_1"},
		{"address2", "address_line_2"}, {"city", "city"}, {"state", "state"}, {"zipcode", "zipcode"}, {"phone", "phonenumber"}} {
		if v, ok := named[c[0]]; ok && v != "NULL" {
			row += fmt.Sprintf(`,"%s":%s`, c[1], quote(v))
		} else {
			row += fmt.Sprintf(`,"%s":null`, c[1])
		}
	}
	before, after := "null", row+"}"
	if named["op"] == "d" {
		before, after = row+"}", "null"
	}
	file, pos, _ := strings.Cut(or("pos", "1/4"), "/")
	n, _ := strconv.Atoi(file)
	r.value = fmt.Appendf(nil, `{"before":%s,"after":%s,"source":{"version":"3.3.0.Final","connector":"mysql","name":"dbserver1",`+
		`"snapshot":"%s","db":"inventory","table":"%s","server_id":%s,"gtid":null,"file":"mysql-bin.%06d","pos":%s,"row":0},"op":"%s","ts_ms":0}`,
		before, after, or("snapshot", "false"), or("table", "customers"), or("server", "1"), n, pos, named["op"])
	return r
}

func memberRecord(named map[string]string) rawRecord {
	row := loyalty.Row{ID: named["id"], Password: named["pass"], FirstName: named["first"], LastName: named["last"],
		Email: named["email"], Points: named["points"]}
	r := rawRecord{topic: topology.LoyaltyTopic, key: named["id"], value: row.AppendJSON(nil)}
	if file := named["file"]; file != "" {
		mtime, _ := strconv.ParseInt(file[:len(file)-1], 10, 64)
		n, _ := strconv.ParseInt(named["row"], 10, 64)
		r.headers = loyalty.Position{MTime: mtime, Hash: strings.Repeat(file[len(file)-1:], 64), Row: n}.Headers()
	}
	return r
}

func answerRecord(email string, named map[string]string, has func(string) bool) (rawRecord, error) {
	r := rawRecord{topic: topology.AnswersTopic, key: email}
	if has("404") {
		r.value = onlinestore.Answer{Status: 404}.Append(nil)
		return r, nil
	}
	spelled := email
	if e, ok := named["email"]; ok {
		spelled = e
	}
	var orders []string
	for _, o := range strings.FieldsFunc(named["orders"], func(r rune) bool { return r == ',' }) {
		id, price, _ := strings.Cut(o, ":")
		orders = append(orders, fmt.Sprintf(`{ "OrderId": %s, "PurchaseDate": "2019-04-25T15:15:58", "CustomerId": %s, "Items": [{"OrderId":%s,"ProductId":100,"Quantity":1,"Price":%s}] }`,
			id, named["id"], id, price))
	}
	r.value = onlinestore.Answer{Status: 200,
		Customer: fmt.Appendf(nil, `{"Id":%s,"Name":%q,"Email":%q,"Password":%q}`, named["id"], named["name"], spelled, named["pass"]),
		Orders:   []byte("[" + strings.Join(orders, ",") + "]")}.Append(nil)
	return r, nil
}
