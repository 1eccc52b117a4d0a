package processors

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"customer360/topology"
)

// home is the database behind Home Delivery: its rows, and where its binlog is.
type home struct {
	rows    map[int]string // columns but the id, as JSON members
	servers []int          // that were master, the last one is
	file    int
	pos     int
	wrapped bool   // keys come with their schema
	shape   string // envelope, flat, mariadb
	oldest  bool   // Debezium 0.9
}

func (t *narrator) begin() {
	t.rows, t.servers, t.file, t.pos = map[int]string{}, []int{1}, 3, 100
	t.wrapped, t.oldest = t.oneIn(6), t.oneIn(6)
	t.shape = t.pick("envelope", "envelope", "envelope", "envelope", "flat", "mariadb")
	t.members, t.stock = map[string]string{}, map[string]customer{}
	t.night = 1
}

// columns draws a row's columns, not all of which are always there.
func (t *narrator) columns() string {
	email := quoted(t.email())
	if email == `"null"` {
		email = "null"
	}
	row := `"email":` + email
	if t.oneIn(8) {
		row = strings.Replace(row, "email", "EMAIL", 1)
	}
	switch t.n(1, 4) {
	case 1:
		row += `,"first_name":` + t.pick(`"Anne"`, `" "`, `null`) + `,"last_name":` + t.pick(`"Smith "`, `null`)
	case 2:
		row += `,"name":` + t.pick(`""`, `null`, `"  "`) + `,"first_name":"F","last_name":"L"`
	default:
		row += `,"name":` + quoted(t.pick("Anne", "Bob", " C\u2028 ", `D"\`))
	}
	if t.oneIn(2) {
		row += `,"password":` + t.pick(`"pw1"`, `"pw2"`, `""`, `12`)
	}
	if t.oneIn(2) {
		row += fmt.Sprintf(`,"address_line_1":%s,"address_line_2":null,"city":%s`, t.pick(`"1 Road"`, `""`, `" "`), t.pick(`"C"`, `"D"`, `null`))
	}
	if t.oneIn(2) {
		row += fmt.Sprintf(`,"state":"NH","zipcode":%s,"phonenumber":%s,"active":%s`, t.pick(`"04006"`, `4006`, `1e2`), t.pick(`"1"`, `true`, `null`), t.pick("true", "1"))
	}
	return row
}

// at moves the binlog on.
func (t *narrator) at() { t.pos += t.n(1, 150) }

func (t *narrator) key(id int) string {
	if t.wrapped {
		return fmt.Sprintf(`{"schema":{"type":"struct"},"payload":{"id":%d}}`, id)
	}
	return fmt.Sprintf(`{"id":%d}`, id)
}

// event tells of a row at the binlog's place. A snapshot has a marker.
func (t *narrator) event(op string, id int, before, after string, row int, marker string) {
	r := rawRecord{topic: topology.HomeDeliveryTopic, key: t.key(id), value: []byte(t.value(op, id, before, after, row, marker))}
	t.add(r)
}

func (t *narrator) value(op string, id int, before, after string, row int, marker string) string {
	server := t.servers[len(t.servers)-1]
	if t.shape == "flat" {
		image := before + after
		switch {
		case op == "d" && image == "":
			image = `"email":null,"__deleted":"true"`
		case op == "d":
			image += `,"__deleted":` + t.pick(`"true"`, `true`)
		default:
			image += t.pick("", `,"__deleted":"false"`, `,"__op":"`+op+`"`)
		}
		return t.wrap(fmt.Sprintf(`{"id":%d,%s}`, id, image))
	}
	image := func(columns string) string {
		if columns == "" {
			return "null"
		}
		return fmt.Sprintf(`{"id":%d,%s}`, id, columns)
	}
	place, transaction := fmt.Sprintf(`"pos":%d,"row":%d,"gtid":null`, t.pos, row), ""
	if t.shape == "mariadb" {
		place = fmt.Sprintf(`"pos":0,"row":0,"gtid":"0-%d-%d"`, server, t.file*100_000+t.pos)
		transaction = fmt.Sprintf(`,"transaction":{"id":"x","total_order":%d,"data_collection_order":1}`, row+1)
	}
	if marker == "" {
		marker = t.pick(`"false"`, `false`, `null`, `""`)
	} else {
		server = 0
	}
	name := fmt.Sprintf(`"db":"inventory","table":"customers","file":"mysql-bin.%06d"`, t.file)
	if t.oldest {
		name = fmt.Sprintf(`"name":"dbserver1","ts_sec":1,"db":"inventory","table":"customers","file":"bin.%d"`, t.file)
	}
	return t.wrap(fmt.Sprintf(`{"before":%s,"after":%s,"source":{%s,%s,"server_id":%d,"snapshot":%s},"op":"%s","ts_ms":1%s}`,
		image(before), image(after), name, place, server, marker, op, transaction))
}

func (t *narrator) wrap(value string) string {
	if t.oneIn(5) {
		return `{"schema":{"type":"struct","optional":false},"payload":` + value + `}`
	}
	return value
}

func (t *narrator) tombstone(id int) {
	t.add(rawRecord{topic: topology.HomeDeliveryTopic, key: t.key(id)})
}

// someRow is one that exists, 0 without any.
func (t *narrator) someRow() int {
	ids := slices.Sorted(maps.Keys(t.rows))
	if len(ids) == 0 {
		return 0
	}
	return ids[t.n(0, len(ids)-1)]
}

func (t *narrator) homeDeed() {
	id := t.someRow()
	deed := t.pick("insert", "insert", "update", "update", "update", "swap", "delete", "key", "several", "twice", "again", "rare", "rare")
	if id == 0 && deed != "rare" {
		deed = "insert"
	}
	switch deed {
	case "insert":
		if id = t.n(1, 5) * t.n(1, 3); t.rows[id] != "" {
			return
		}
		t.at()
		t.rows[id] = t.columns()
		t.event("c", id, "", t.rows[id], 0, "")
	case "update":
		t.at()
		t.update(id, t.columns(), 0)
	case "several":
		t.at()
		for row, id := range slices.Sorted(maps.Keys(t.rows)) {
			t.update(id, t.columns(), row)
		}
	case "twice": // one row in two rows of one event
		t.at()
		t.update(id, t.columns(), 0)
		t.update(id, t.columns(), 1)
		if t.oneIn(2) && t.wild() {
			t.add(t.records[len(t.records)-2])
		}
	case "swap":
		other := t.someRow()
		mine, others := t.rows[id], t.rows[other]
		t.at()
		t.update(id, others, 0)
		t.at()
		t.update(other, mine, 0)
	case "delete":
		t.at()
		t.remove(id)
	case "key":
		t.changeKey(id)
	case "again":
		t.replayHome()
	case "rare":
		t.rareDeed(id)
	}
}

func (t *narrator) update(id int, columns string, row int) {
	before := ""
	if t.oneIn(2) && t.shape != "flat" {
		before = t.rows[id]
	}
	t.rows[id] = columns
	t.event("u", id, before, columns, row, "")
}

// remove tells of a delete in one of the ways in which it can come.
func (t *narrator) remove(id int) {
	how := t.pick("both", "both", "both", "d", "tombstone")
	if how != "tombstone" {
		t.event("d", id, t.rows[id], "", 0, "")
	}
	if how != "d" {
		t.tombstone(id)
	}
	delete(t.rows, id)
}

// changeKey: both halves have one place; on their partitions either comes first.
// A key that is only spelled anew has both halves itself: the c counts.
func (t *narrator) changeKey(id int) {
	to := t.n(1, 5) * t.n(1, 3)
	if t.oneIn(4) {
		to = id
	}
	if t.rows[to] != "" && to != id {
		return
	}
	columns := t.rows[id]
	t.at()
	if to == id && t.oneIn(2) && t.wild() { // a refused null is the last of the key
		t.event("c", to, "", columns, 0, "")
		t.event("d", id, columns, "", 0, "")
		t.tombstone(id)
		t.notAgain()
		return
	}
	t.event("d", id, columns, "", 0, "")
	t.tombstone(id)
	t.event("c", to, "", columns, 0, "")
	delete(t.rows, id)
	t.rows[to] = columns
}

// replayHome: a connector that restarts writes a suffix once more. What a
// snapshot wrote it would write anew.
func (t *narrator) replayHome() {
	from := t.n(0, len(t.records))
	if from < t.barrier && !t.wild() {
		from = t.barrier
	}
	for _, r := range slices.Clone(t.records[from:]) {
		if r.topic == topology.HomeDeliveryTopic {
			t.add(r)
		}
	}
	if from < t.barrier {
		t.notAgain()
	}
}
