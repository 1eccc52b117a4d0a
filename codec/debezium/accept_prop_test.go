package debezium

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
)

// history is one row's life in the order of its binlog, as the connector writes
// it: a snapshot, changes, deletes with their tombstones, rotations.
func drawHistory(t *rapid.T) []string {
	file, pos := 1, 100
	records := []string{envelope("r", fmt.Sprintf(`{"snapshot":"true","server_id":0,"file":"b.%d","pos":%d}`, file, pos), "v0@x")}
	there := true
	for i := range rapid.IntRange(0, 12).Draw(t, "changes") {
		if rapid.IntRange(0, 4).Draw(t, "rotate") == 0 {
			file, pos = file+1, 4
		}
		pos += rapid.IntRange(1, 200).Draw(t, "gap")
		place := at(fmt.Sprintf("5/%d:%d:0@%d", file, pos, 1000+i/2)) // a second has several statements
		email := fmt.Sprintf("v%d@x", i+1)
		switch {
		case !there:
			records, there = append(records, envelope("c", place, email)), true
		case rapid.IntRange(0, 3).Draw(t, "delete") == 0:
			records, there = append(records, envelope("d", place, ""), ""), false
			if rapid.Bool().Draw(t, "keyChange") { // comes back under the same key, at the same place
				records, there = append(records, envelope("c", place, email)), true
			}
		default:
			records = append(records, envelope("u", place, email))
		}
	}
	return records
}

// drawDelivery is a history with restarts: after any record the connector may
// go back, as far as the end of the snapshot, and deliver all of it again.
func drawDelivery(t *rapid.T, history []string) []string {
	var delivered []string
	next, restarts := 0, 0
	for next < len(history) {
		delivered = append(delivered, history[next])
		next++
		if restarts < 4 && next > 1 && rapid.IntRange(0, 5).Draw(t, "restart") == 0 {
			restarts++
			next = rapid.IntRange(1, next).Draw(t, "from")
			if history[next-1] != "" && next < len(history) && history[next] == "" {
				next++ // a d and its tombstone have one offset: both come again, or neither
			}
		}
	}
	return delivered
}

func final(t *rapid.T, d *Decoder, records []string) *table {
	b := newTable(d)
	for _, value := range records {
		if _, err := b.apply(record(key1, value)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestReplaysEndAsCalmRuns: whatever comes again, the row ends as it does when
// nothing does.
func TestReplaysEndAsCalmRuns(t *testing.T) {
	d := newDecoder(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		history := drawHistory(t)
		calm, replayed := final(t, d, history), final(t, d, drawDelivery(t, history))
		if a, b := fmt.Sprint(calm.show()), fmt.Sprint(replayed.show()); a != b {
			t.Fatalf("calm %s, replayed %s", a, b)
		}
		if string(calm.states[key1]) != string(replayed.states[key1]) {
			t.Fatalf("calm state %x, replayed %x", calm.states[key1], replayed.states[key1])
		}
	})
}

// TestReplaysNeverRegress: at no moment does a replay take the row behind what
// it had, and a tombstone only follows its own d.
func TestReplaysNeverRegress(t *testing.T) {
	d := newDecoder(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		b := newTable(d)
		var newest place
		for _, value := range drawDelivery(t, drawHistory(t)) {
			raw := record(key1, value)
			c, err := d.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			var e event
			if err := e.decode(c.Position); err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(b.show())
			accepted, _ := b.apply(raw)
			after := fmt.Sprint(b.show())
			order, _ := newest.compare(e.at)
			switch {
			case e.tombstone && accepted && before != "[]":
				t.Fatalf("a tombstone took %s away after its d was refused", before)
			case !accepted && before != after:
				t.Fatalf("a refused record turned %s into %s", before, after)
			case accepted && order > 0:
				t.Fatalf("%+v counted after %+v", e.at, newest)
			case accepted && !e.tombstone:
				newest = e.at
			}
		}
	})
}

func TestStateRoundTrip(t *testing.T) {
	number := rapid.Int64Range(0, 1<<62)
	rapid.Check(t, func(t *rapid.T) {
		p := place{}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 1:
			p = place{known: true, file: number.Draw(t, "file"), pos: 1 + number.Draw(t, "pos"), row: number.Draw(t, "row")}
		case 3:
			p = place{known: true, file: number.Draw(t, "file"), pos: 1 + number.Draw(t, "pos"), row: number.Draw(t, "row"), order: 1 + number.Draw(t, "order")}
		case 2:
			p = place{known: true, file: number.Draw(t, "file"), row: number.Draw(t, "row"), domain: number.Draw(t, "domain"),
				seq: number.Draw(t, "seq"), order: number.Draw(t, "order")}
		}
		want := state{refused: rapid.Bool().Draw(t, "refused"), created: rapid.Bool().Draw(t, "created"), epoch: number.Draw(t, "epoch"),
			gone: rapid.Bool().Draw(t, "gone"), time: number.Draw(t, "time"), server: number.Draw(t, "server"), at: p, left: rapid.SliceOfN(number, 0, 3).Draw(t, "left")}
		var got state
		if err := got.decode(want.append(nil)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		e := event{tombstone: rapid.Bool().Draw(t, "t"), deletes: rapid.Bool().Draw(t, "d"), creates: rapid.Bool().Draw(t, "c"),
			snapshot: rapid.Bool().Draw(t, "s"), epoch: want.epoch, server: want.server, at: p, time: want.time}
		var back event
		encoded := e.append(nil)
		if err := back.decode(encoded); err != nil || back != e {
			t.Fatalf("got %+v, %v; want %+v", back, err, e)
		}
		if back.decode(encoded[:len(encoded)-1]) == nil || back.decode(append(encoded, 0)) == nil {
			t.Fatal("a position cut short, or with more behind it, was taken")
		}
	})
}

// TestKeyChangeInEitherOrder is case 5: the halves lie on two rows, so each
// order ends the same.
func TestKeyChangeInEitherOrder(t *testing.T) {
	d := newDecoder(t, nil)
	records := capture(t, "noschema.pk-change.jsonl")
	snapshot := record(`{"id":1003}`, envelope("r", `{"file":"b.000001","pos":4}`, "ed@walker.com"))
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {0, 2, 1}} {
		b := newTable(d)
		for _, raw := range append([]codec.Raw{*snapshot}, records[order[0]], records[order[1]], records[order[2]]) {
			if accepted, err := b.apply(&raw); err != nil || !accepted {
				t.Errorf("%v: %t, %v", order, accepted, err)
			}
		}
		if got := fmt.Sprint(b.show()); got != "[ed@walker.com: id=2003 name=Edward Walker email=ed@walker.com]" {
			t.Errorf("%v: %s", order, got)
		}
	}
}
