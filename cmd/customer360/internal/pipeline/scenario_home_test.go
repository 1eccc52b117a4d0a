package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
)

// homeGroup is the group of a stage on the way of a row.
func (c *cluster) homeGroup(stage string) string {
	if stage == "rekey" {
		return c.follow.graph.Settings.RekeyGroup(codec.HomeDelivery)
	}
	return c.follow.graph.Settings.MergeGroup()
}

// dying calls a story for moments of both stages, with a living process, and
// with a row of its own that lies at its first email.
func (c *cluster) dying(when map[string][]moment, story func(p *process, group string, m moment, row func(email string) *person)) {
	want := map[string]string{}
	p := c.process("one")
	id := 0
	for _, stage := range []string{"rekey", "merge"} {
		group := c.homeGroup(stage)
		for _, m := range when[stage] {
			id++
			row := func(email string) *person {
				return at(id, fmt.Sprint("Row ", id), fmt.Sprintf("%s%d@example.org", email, id))
			}
			a := row("a")
			c.produce(c.change(100, nil, a))
			want[*a.email] = a.document()
			c.expect(want)
			story(p, group, m, row)
			p = c.process("one")
			delete(want, *a.email)
			end := row("end")
			want[*end.email] = end.document()
			c.expect(want)
		}
	}
	c.noLetters()
	c.fencesRise()
	c.sameBytes()
}

// TestScenario01_move_crash_before_withdraw: a row moves; the process dies at
// any moment of the transaction that moves it, in rekey or in merge.
func TestScenario01_move_crash_before_withdraw(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.dying(map[string][]moment{"rekey": moments(), "merge": moments()}, func(p *process, group string, m moment, row func(string) *person) {
			dead := c.killAt(p, group, m)
			c.produce(c.change(200, row("a"), row("end")))
			c.died(dead, m)
			c.leftBehind(group, m)
			c.step()
		})
	})
}

// TestScenario02_two_moves_in_flight: the process dies in the first of two
// moves of a row; the second is written before or, for every other moment,
// after its death.
func TestScenario02_two_moves_in_flight(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		n := 0
		c.dying(map[string][]moment{"rekey": {tableWritten, notCommitted}, "merge": {outputsWritten, committed}}, func(p *process, group string, m moment, row func(string) *person) {
			moves := []*kgo.Record{c.change(200, row("a"), row("b")), c.change(210, row("b"), row("end"))}
			n++
			before := 1 + n%2
			dead := c.killAt(p, group, m)
			c.produce(moves[:before]...)
			c.died(dead, m)
			c.produce(moves[before:]...)
			c.step()
		})
	})
}

// TestScenario02_move_and_back: A to B to A, any suffix repeated.
func TestScenario02_move_and_back(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		a, b := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org")
		story := []*kgo.Record{c.change(100, nil, a), c.change(110, a, b), c.change(120, b, a)}
		want := map[string]string{"a@example.org": a.document()}
		c.produce(story...)
		c.expect(want)
		for i := range story { // each with offsets of its own
			c.produce(again(story[i:]...)...)
			c.expect(want)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario03_swap: two rows exchange emails, in every interleaving of the
// two rows' records, each with a pair of its own, whose rows lie on two
// partitions.
func TestScenario03_swap(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		want := map[string]string{}
		id := 1
		for _, order := range []string{"xyxy", "xyyx", "yxxy", "yxyx", "xxyy", "yyxx"} {
			x, y := c.apart(id)
			id = y + 1
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
				c.step()
			}
			want[mailX], want[mailY] = afterY.document(), afterX.document()
		}
		c.expect(want)
		c.noLetters()
		c.sameBytes()
	})
}

// apart are two rows from an id on that lie on two partitions.
func (c *cluster) apart(id int) (x, y int) {
	for y = id + 1; c.place(rowKey(y)) == c.place(rowKey(id)); y++ {
	}
	return id, y
}

// sharing is the document of rows with one email: the smallest id's fields,
// all their ids.
func sharing(people ...*person) string {
	people = slices.SortedFunc(slices.Values(people), func(a, b *person) int { return a.id - b.id })
	var xrefs []string
	for _, p := range people {
		xrefs = append(xrefs, fmt.Sprintf(`{"external_system":"home_delivery","external_ID":%d}`, p.id))
	}
	return fmt.Sprintf(`{"type":"user","profile":{"name":%q,"email":%q},"xrefs":[%s]}`,
		people[0].name, strings.TrimSpace(*people[0].email), strings.Join(xrefs, ","))
}

// TestScenario04_two_rows_one_email: two and three rows share an email, in all
// permutations; then a snapshot brings them in another order.
func TestScenario04_two_rows_one_email(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		want := map[string]string{}
		var snapshot []*kgo.Record
		for k, order := range [][]int{{1, 2}, {2, 1}, {1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
			email := fmt.Sprintf("shared%d@example.org", k)
			var people []*person
			for i, n := range order {
				p := at(10*k+n, fmt.Sprintf("Row %d", n), email)
				people = append(people, p)
				c.produce(c.change(100+i, nil, p))
				c.step()
				snapshot = append(snapshot, c.event(binlog{file: 4, pos: 500, snapshot: true}, nil, p))
			}
			want[email] = sharing(people...)
		}
		c.expect(want)
		before := len(c.read(c.follow.graph.Settings.Documents()))
		slices.Reverse(snapshot)
		c.produce(snapshot...)
		c.expect(want)
		if after := len(c.read(c.follow.graph.Settings.Documents())); after > before {
			c.t.Errorf("the snapshot, which changed nothing, wrote %d documents", after-before)
		}
		c.noLetters()
		c.sameBytes()
	})
}
