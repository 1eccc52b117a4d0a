package processors

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"customer360/topology"
)

// rareDeed is what happens to the database, or lies in its topic and is no row
// of ours. id may be 0.
func (t *narrator) rareDeed(id int) {
	switch t.pick("snapshot", "snapshot", "failover", "failover", "reset", "rotate", "late", "back", "noise", "garbage", "misplaced", "crowd") {
	case "snapshot":
		t.snapshot()
	case "failover":
		t.servers = append(t.servers, len(t.servers)+1)
		t.file, t.pos = t.n(1, 3), t.n(4, 200)
	case "reset":
		if t.wild() { // a row that was deleted before is not in the snapshot, and its next c looks old
			t.file, t.pos = 1, 4
			t.snapshot()
		}
	case "rotate":
		t.file, t.pos = t.file+1, 4
		if t.oneIn(2) {
			t.file, t.pos = max(t.file, 999_999), 4
		}
	case "late":
		t.late(id)
	case "back":
		if t.wild() { // a server that was left stays refused
			t.servers = append(t.servers, t.servers[0])
		}
	case "noise":
		t.noise(id)
	case "garbage":
		t.garbage(id)
	case "misplaced":
		t.misplaced(id)
	case "crowd":
		t.crowd()
	}
}

// snapshot tells of all rows, in any order.
func (t *narrator) snapshot() {
	ids := slices.Sorted(maps.Keys(t.rows))
	if len(ids) == 0 || t.shape == "mariadb" && !t.wild() { // a snapshot has no GTID to compare with
		return
	}
	op, marker := "r", t.pick(`"true"`, `"first"`, `"last"`, `"incremental"`, `true`, `"false"`)
	if t.oldest && t.oneIn(2) {
		op, marker = "c", `true`
	}
	for _, id := range rapid.Permutation(ids).Draw(t.t, "order") {
		t.event(op, id, "", t.rows[id], 0, marker)
	}
	t.notAgain()
}

// late: a record of a server that was left, or of an earlier place.
func (t *narrator) late(id int) {
	if id == 0 || !t.wild() {
		return
	}
	servers, file, pos := t.servers, t.file, t.pos
	t.servers = servers[:t.n(1, len(servers))]
	if t.oneIn(2) {
		t.pos = max(4, t.pos-t.n(1, 300))
	}
	switch t.pick("u", "u", "d", "c") {
	case "u":
		t.event("u", id, "", t.columns(), 0, "")
	case "c":
		t.event("c", id, "", t.columns(), 0, "")
	case "d":
		t.event("d", id, t.rows[id], "", 0, "")
		if t.oneIn(2) {
			t.tombstone(id)
		}
	}
	t.servers, t.file, t.pos = servers, file, pos
	t.notAgain()
}

// noise is well-formed and none of ours.
func (t *narrator) noise(id int) {
	key := ""
	if id > 0 && t.oneIn(2) && t.wild() {
		key = t.key(id)
	}
	t.add(rawRecord{topic: topology.HomeDeliveryTopic, key: key, value: []byte(t.pick(
		`{"ts_ms":1}`,
		`{"source":{},"databaseName":"inventory","ddl":"DROP TABLE x"}`,
		`{"status":"END","id":"1","event_count":1,"data_collections":[]}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{"db":"inventory","table":"other"},"op":"c"}`,
		`{"before":null,"after":null,"source":{"db":"inventory","table":"customers"},"op":"t"}`,
		`{"before":null,"after":null,"source":{},"op":"m"}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{},"op":"c"}`,
	))})
	if key != "" {
		t.notAgain() // the last one of them is a row
	}
}

// garbage under a row's key, or under one that nothing decodable has.
func (t *narrator) garbage(id int) {
	key := "garbage"
	if id > 0 && t.oneIn(2) && t.wild() {
		key = t.key(id)
	}
	t.add(rawRecord{topic: topology.HomeDeliveryTopic, key: key, value: []byte(t.pick(
		"", "{", "\x00\x00\x00\x00\x01x", `[]`, `"d"`, `{"op":"u"}`, `{"before":null,"after":null,"op":"x"}`,
		`{"before":null,"after":{"id":1},"source":{},"op":"u"}`,
		`{"before":null,"after":{"id":1,"email":{}},"source":{},"op":"u"}`,
		`{"before":null,"after":{"id":1,"email":"\ud800@x"},"source":{},"op":"u"}`,
		`{"before":null,"after":{"id":1,"email":"a@x","email":"b@x"},"source":{},"op":"u"}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{"file":"x","pos":1},"op":"u"}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{"file":"b.1","pos":1.5},"op":"u"}`,
		"{\"id\":1,\"email\":\"\xff@x\"}",
	))})
}

// misplaced: a row's record on a partition where its key does not belong.
func (t *narrator) misplaced(id int) {
	if id == 0 || t.partitions == 1 {
		return
	}
	t.at()
	t.event("u", id, "", t.columns(), 0, "")
	r := &t.records[len(t.records)-1]
	r.partition = []int32{(t.place(r) + 1) % t.partitions}
}

// crowd: about as many rows and members as one mailbox may have.
func (t *narrator) crowd() {
	if !t.oneIn(3) {
		return
	}
	rows, members := t.n(250, 256), t.n(0, 4)
	for id := 1001; id <= 1000+rows; id++ {
		t.at()
		t.event("c", id, "", fmt.Sprintf(`"email":"a@x","name":"N%d"`, id), 0, "")
	}
	for id := 1001; id <= 1000+members; id++ {
		t.add(t.member(fmt.Sprint(id), `"email":"A@x","points":"1"`, t.night*10, "a", id))
	}
	if t.oneIn(2) { // who has left counts too
		t.at()
		t.event("d", 1001, `"email":"a@x"`, "", 0, "")
		t.tombstone(1001)
	}
}
