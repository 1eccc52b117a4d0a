package processors

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"customer360/codec"
	"customer360/topology"
)

// club is the loyalty system: its members, and its nights.
type club struct {
	members   map[string]string // id -> the row but its id, as JSON members
	known     []string          // ids that have ever been in a file
	night     int
	lastNight []rawRecord
	touched   bool // since then, by hand
}

func (t *narrator) member(id, row string, mtime int, hash string, n int) rawRecord {
	r := rawRecord{topic: topology.LoyaltyTopic, key: id, headers: map[string][]byte{
		codec.HeaderFileTime: []byte(strconv.Itoa(mtime)),
		codec.HeaderFileHash: []byte(strings.Repeat(hash, 64)),
		codec.HeaderFileRow:  []byte(strconv.Itoa(n)),
	}}
	if row != "" {
		r.value = fmt.Appendf(nil, `{"id":%q,%s}`, id, row)
	}
	return r
}

func (t *narrator) drawMember() string {
	return fmt.Sprintf(`"password":%s,"firstName":%s,"lastName":%s,"email":%s,"points":%s`, t.pick(`"p1"`, `"p2"`, `""`),
		t.pick(`"Fay"`, `" "`, `null`), t.pick(`"Low "`, `""`), quoted(t.email()), t.pick(`"47"`, `"0"`, `""`, `47`, `"many"`))
}

func (t *narrator) clubDeed() {
	switch t.pick("night", "night", "night", "night", "again", "old", "byhand", "garbage") {
	case "night":
		t.night++
		t.importFile(t.night*10, t.pick("a", "b"))
	case "again":
		if t.touched && !t.wild() {
			return // the same file changes nothing, also behind an operator's record
		}
		t.records = append(t.records, t.lastNight...)
	case "old":
		if !t.wild() {
			return
		}
		members := maps.Clone(t.members)
		t.importFile(t.night*10-t.n(0, 15), t.pick("0", "c"))
		t.club.members = members
	case "byhand": // by an operator: without a file
		t.touched = true
		r := rawRecord{topic: topology.LoyaltyTopic, key: t.pick("1", "2", "27")}
		if t.oneIn(2) {
			r.value = fmt.Appendf(nil, `{%s}`, t.drawMember())
		}
		t.add(r)
		t.notAgain()
	case "garbage":
		if !t.wild() {
			return
		}
		r := t.member(t.pick("1", "2", "27"), `"email":"a@x"`, t.night*10+9, "a", 1)
		switch t.n(1, 5) {
		case 1:
			delete(r.headers, codec.HeaderFileRow)
		case 2:
			r.headers[codec.HeaderFileHash] = []byte("ABC")
		case 3:
			r.value = []byte(t.pick("", "null", "[]", `{"email":{}}`, `{"email":"a@x","email":"a@x"}`, `{"x":{"y":1,"y":2},"email":"a@x"}`))
		case 4:
			r.key = ""
		case 5:
			r.headers[codec.HeaderFileRow] = []byte("0")
		}
		t.add(r)
		t.notAgain()
	}
}

// importFile writes the rows of a night, and withdraws who is not in it.
func (t *narrator) importFile(mtime int, hash string) {
	ids := []string{"1", "2", "3", "27", "1029", "x"}
	present := map[string]bool{}
	t.lastNight, t.touched = nil, false
	row := 0
	for _, id := range ids {
		if !t.oneIn(2) {
			continue
		}
		if t.members[id] == "" || t.oneIn(3) {
			t.members[id] = t.drawMember()
		}
		row++
		t.lastNight = append(t.lastNight, t.member(id, t.members[id], mtime, hash, row))
		present[id] = true
		if t.oneIn(8) { // twice in one file: the last one counts
			t.members[id] = t.drawMember()
			row++
			t.lastNight = append(t.lastNight, t.member(id, t.members[id], mtime, hash, row))
		}
	}
	for _, id := range t.known {
		if !present[id] {
			t.lastNight = append(t.lastNight, t.member(id, "", mtime, hash, row+1))
			delete(t.members, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(present)) {
		if !slices.Contains(t.known, id) {
			t.known = append(t.known, id)
		}
	}
	t.records = append(t.records, t.lastNight...)
}

// shop is the online store: its customers by email.
type shop struct{ stock map[string]customer }

type customer struct {
	details string
	orders  map[string]string // id -> the order but its id, as JSON members
}

func (t *narrator) shopDeed() {
	asked := t.pick("a@x", "a@x", "b@x", "c@x", "e@x", "A@X")
	switch deed := t.pick("poll", "poll", "poll", "poll", "shopping", "shopping", "shopping", "404", "null", "refused"); deed {
	case "poll", "shopping":
		if deed == "shopping" || t.stock[asked].orders == nil {
			t.goShopping(asked)
		}
		t.answer(asked, t.body(asked))
	case "404":
		t.answer(asked, []byte(t.pick(`{"status":404}`, `{ "status" : 404 , "customer":null}`)))
	case "null":
		t.answer(asked, nil)
	case "refused":
		if !t.wild() {
			return
		}
		c := `{"Id":1,"Email":"` + asked + `"}`
		t.answer(asked, []byte(t.pick("", "{", "null", "[]", `{"status":500}`, `{"status":200}`, `{"status":200,"customer":`+c+`,"orders":null}`,
			`{"status":200,"customer":{"Id":1,"Email":"z@x"},"orders":[]}`,
			`{"status":200,"customer":{"Id":null,"Email":"`+asked+`"},"orders":[]}`,
			`{"status":200,"customer":{"Id":1,"id":1,"Email":"`+asked+`"},"orders":[]}`,
			`{"status":200,"customer":`+c+`,"orders":[{"OrderId":1},{"OrderId":1}]}`,
			`{"status":200,"customer":`+c+`,"orders":[{"OrderId":1.0}]}`,
			`{"status":200,"customer":`+c+`,"orders":[{"OrderId":"1"}]}`,
			`{"status":200,"customer":`+c+`,"orders":[{"OrderId":-0}]}`,
			`{"status":200,"customer":`+c+`,"orders":[{"OrderId":1,"x":{"y":1,"y":1}}]}`,
		)))
	}
}

// goShopping: details change, orders come, go, change and move to others.
func (t *narrator) goShopping(email string) {
	c := customer{orders: maps.Clone(t.stock[email].orders)}
	if c.orders == nil {
		c.orders = map[string]string{}
	}
	c.details = fmt.Sprintf(`"%s":%s,"%s":%s,"Password":%s`, t.pick("Id", "id"), t.pick("1", "2", `"7"`, "7e1"), t.pick("Name", "name"),
		t.pick(`"Shopper"`, `" Shop\u0070er "`, `null`, `""`), t.pick(`"sp"`, `null`, `"\u2028"`))
	for range t.n(0, 3) {
		id := t.pick("1", "2", "3", "-4", "100000000000000000000")
		switch t.pick("buy", "buy", "cancel", "give") {
		case "buy":
			c.orders[id] = fmt.Sprintf(`"PurchaseDate":%s, "Items":[ {"ProductId":100,"Quantity":%d,"Price":%s} ]`,
				t.pick(`"2019-04-25T15:15:5800838522"`, `"2020-01-01"`, `null`, `"?"`), t.n(1, 3), t.pick("10", "1.50", "1e2", `"x"`, `"a b\" c"`))
		case "cancel":
			delete(c.orders, id)
		case "give":
			other := t.pick("a@x", "b@x", "c@x")
			if t.stock[other].orders != nil && other != email && c.orders[id] != "" {
				t.stock[other].orders[id] = c.orders[id]
				delete(c.orders, id)
			}
		}
	}
	t.stock[email] = c
}

// body is the answer about a customer as the store stands.
func (t *narrator) body(email string) []byte {
	c := t.stock[email]
	spelled := fmt.Sprintf(t.pick("%s", "%s", " %s ", "%s\u00a0"), t.pick(email, strings.ToUpper(email)))
	var orders []string
	for _, id := range slices.Sorted(maps.Keys(c.orders)) {
		orders = append(orders, fmt.Sprintf(`{ "%s": %s,%s}`, t.pick("OrderId", "orderId"), id, c.orders[id]))
	}
	return fmt.Appendf(nil, `{"status":200,"customer":{%s,"Email":%s},"orders":[%s]}`, c.details, quoted(spelled), strings.Join(orders, ", "))
}

func (t *narrator) answer(asked string, value []byte) {
	t.add(rawRecord{topic: topology.AnswersTopic, key: asked, value: value})
}
