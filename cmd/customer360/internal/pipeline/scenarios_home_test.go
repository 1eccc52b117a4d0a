package pipeline

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMoveAndBack(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	a, b := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org")
	story := []*kgo.Record{c.change(100, nil, a), c.change(110, a, b), c.change(120, b, a)}
	want := map[string]string{"a@example.org": a.document()}
	c.produce(story...)
	c.expect(want)
	for i := range story { // any suffix repeated, each with offsets of its own
		c.produce(again(story[i:]...)...)
		c.expect(want)
	}
	c.noLetters()
}

// TestSwap: two rows exchange emails, in every interleaving of the two rows'
// records, each with a pair of its own, whose rows lie on two partitions.
func TestSwap(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	want := map[string]string{}
	id := 1
	for _, order := range []string{"xyxy", "xyyx", "yxxy", "yxyx", "xxyy", "yyxx"} {
		x := id
		for id++; c.place(rowKey(id)) == c.place(rowKey(x)); id++ {
		}
		y := id
		id++
		mailX, mailY := fmt.Sprintf("x.%s@example.org", order), fmt.Sprintf("y.%s@example.org", order)
		beforeX, afterX := at(x, "X "+order, mailX), at(x, "X "+order, mailY)
		beforeY, afterY := at(y, "Y "+order, mailY), at(y, "Y "+order, mailX)
		rows := map[rune][]*kgo.Record{
			'x': {c.change(100, nil, beforeX), c.change(200, beforeX, afterX)},
			'y': {c.change(110, nil, beforeY), c.change(210, beforeY, afterY)},
		}
		for _, who := range order {
			c.produce(rows[who][0])
			rows[who] = rows[who][1:]
		}
		want[mailX], want[mailY] = afterY.document(), afterX.document()
	}
	c.expect(want)
	c.noLetters()
}

func TestDeleteReinsertReplayed(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	old, young := at(1, "Old", "a@example.org"), at(1, "New", "a@example.org")
	c.produce(c.change(100, nil, old))
	c.expect(map[string]string{"a@example.org": old.document()})
	deletion := c.change(200, old, nil)
	c.produce(deletion, c.tombstone(1))
	c.expect(map[string]string{})
	if staged := c.documents("staging"); len(staged) != 0 {
		t.Errorf("staging holds %d documents behind a tombstone", len(staged))
	}
	back := c.change(300, nil, young)
	want := map[string]string{"a@example.org": young.document()}
	c.produce(back)
	c.expect(want)
	c.produce(again(deletion, c.tombstone(1), back)...)
	c.expect(want)
	if d := difference(map[string]string{`{"id":1}`: string(back.Value)}, c.documents("staging")); d != "" {
		t.Error("staging: ", d)
	}
	c.noLetters()
}

func TestEmailBecomesUnusable(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	good := at(1, "Anne", "a@example.org")
	there := map[string]string{"a@example.org": good.document()}
	c.produce(c.change(100, nil, good))
	c.expect(there)
	bad := []*person{{1, "Anne", nil}, at(1, "Anne", ""), at(1, "Anne", "nobody"), at(1, "Anne", strings.Repeat("x", 300)+"@example.org")}
	pos := 110
	for i, p := range bad {
		c.produce(c.change(pos, good, p))
		c.expect(map[string]string{})
		if n := len(c.letters()); n != i+1 {
			t.Fatalf("%d dead letters after %d unusable emails", n, i+1)
		}
		c.produce(c.change(pos+10, p, good))
		c.expect(there)
		pos += 20
	}
	for _, l := range c.letters() {
		if !strings.Contains(l.Reason, "email") || string(l.Key) != `{"id":1}` {
			t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
		}
	}
}

func TestCSVAbsent(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	const header = "Id,Password,FirstName,LastName,Email,Points"
	member := func(id int, points string) string {
		return fmt.Sprintf("%d,secret,Member,No%d,m%d@example.org,%s", id, id, id, points)
	}
	document := func(id int, points string) string {
		return fmt.Sprintf(`{"type":"user","profile":{"name":"Member No%d","email":"m%d@example.org","loyaltyPoints":%q},`+
			`"xrefs":[{"external_system":"loyalty","external_ID":"%d","pass":"secret"}]}`, id, id, points, id)
	}
	all := map[string]string{"m1@example.org": document(1, "0"), "m2@example.org": document(2, "20"), "m3@example.org": document(3, "30")}
	c.csv("loyalty04292019_020000.csv", time.Hour, header, member(1, "0"), member(2, "20"), member(3, "30"))
	c.expect(all)

	without := maps.Clone(all)
	delete(without, "m2@example.org")
	c.csv("loyalty04302019_020000.csv", 2*time.Hour, header, member(1, "0"), member(3, "30"))
	c.expect(without)
	if _, ok := c.documents("staging")["loyalty-member-2"]; ok {
		t.Error("the absent member is staged still")
	}

	all["m2@example.org"] = document(2, "21")
	c.csv("loyalty05012019_020000.csv", 3*time.Hour, header, member(1, "0"), member(2, "21"), member(3, "30"))
	c.expect(all)
	c.noLetters()
}
