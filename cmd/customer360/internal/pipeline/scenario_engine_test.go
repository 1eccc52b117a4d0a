package pipeline

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// withoutMerge are the other stages, for instances beside those that matter.
func withoutMerge() []string { return []string{"csvdir", "restpoll", "rekey", "staging", "sink"} }

// besideMerge starts all but merge. The instances that start after it lose
// their partitions soon when they are dead or paused; it keeps its own on a
// machine that is busy for longer.
func (c *cluster) besideMerge() {
	c.t.Helper()
	c.run("rest", withoutMerge()...)
	c.config.Kafka.SessionTimeout = 5 * time.Second
}

// herd is rows on all partitions, of merge too, which move together.
type herd struct {
	c    *cluster
	rows int
	pos  int
	now  string
}

// move moves all rows on and returns the documents there must be.
func (h *herd) move(to string) map[string]string {
	h.c.t.Helper()
	want := map[string]string{}
	row := func(id int, place string) *person {
		if place == "" {
			return nil
		}
		return at(id, fmt.Sprint("Row ", id), fmt.Sprintf("%s.%d@example.org", place, id))
	}
	for id := 1; id <= h.rows; id++ {
		h.pos += 10
		after := row(id, to)
		h.c.produce(h.c.change(h.pos, row(id, h.now), after))
		want[*after.email] = after.document()
	}
	h.now = to
	return want
}

// TestScenario28_zombie_merge: merge's owner is paused in a transaction for
// longer than its session, another instance takes over, the owner goes on.
func TestScenario28_zombie_merge(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.besideMerge()
		zombie := c.process("zombie", "merge")
		h := &herd{c: c, rows: 12}
		c.expect(h.move("first"))
		merge := c.follow.graph.Settings.MergeGroup()

		paused := make(chan struct{})
		c.atProduce(merge+"-zombie", func(*kmsg.ProduceRequest) bool {
			zombie.pause()
			close(paused)
			return true
		})
		h.move("second")
		c.happens("merge writes", paused)
		heir := c.run("heir", "merge")
		c.until("the heir has all partitions", func() bool { return c.owns("heir", merge, 4) && heir.serving() })
		c.expect(h.move("third"))

		zombie.resume()
		c.until("the zombie has joined again", func() bool { return c.owns("zombie", merge, 2) && c.owns("heir", merge, 2) })
		c.expect(h.move("fourth"))
		want := h.move("fifth")
		c.expect(want)
		zombie.mustLive()
		zombie.stop()
		c.until("the heir has all partitions", func() bool { return c.owns("heir", merge, 4) && heir.serving() })
		c.expect(want)
		c.noLetters()
		c.fencesRise()

		heir.stop()
		grown := c.table("heir", merge)
		c.remove("heir")
		heir = c.run("heir", "merge")
		c.until("the heir is back", func() bool { return c.owns("heir", merge, 4) && heir.serving() })
		c.expect(want)
		heir.stop()
		if recovered := c.table("heir", merge); len(grown) < h.rows || !maps.Equal(recovered, grown) {
			c.t.Errorf("a table of %d values grew, one of %d was recovered; they differ", len(grown), len(recovered))
		}
		c.run("heir", "merge")
		c.sameBytes()
	})
}

// TestScenario29_dirty_local_store: an instance is killed in a transaction, so
// that its changelog holds what was never committed; then its folder is made
// to be ahead of the changelog, with wrong values. Its partitions move away
// and back.
func TestScenario29_dirty_local_store(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.besideMerge()
		one := c.process("one", "merge")
		h := &herd{c: c, rows: 12}
		c.expect(h.move("first"))
		merge := c.follow.graph.Settings.MergeGroup()
		one.stop() // a clean end brings what is committed into the folder
		one = c.process("one", "merge")
		c.until("one is back", func() bool { return c.owns("one", merge, 4) })
		dead := c.killAt(one, merge, notCommitted)
		h.move("second")
		c.died(dead, notCommitted)
		if !c.open(merge + "-table") {
			c.t.Error("the changelog holds nothing of the open transaction")
		}
		for key := range c.table("one", merge) {
			if strings.HasPrefix(key, "second.") {
				c.t.Errorf("leveldb holds %s of a transaction that was not committed", key)
			}
		}
		c.makeDirty("one", merge)
		c.step()

		two := c.run("two", "merge")
		c.until("two has all partitions", func() bool { return c.owns("two", merge, 4) && two.serving() })
		c.expect(h.move("third"))
		one = c.process("one", "merge")
		c.until("half of them are back", func() bool { return c.owns("one", merge, 2) && c.owns("two", merge, 2) })
		c.expect(h.move("fourth"))
		two.stop()
		c.until("all of them are back", func() bool { return c.owns("one", merge, 4) })
		want := h.move("fifth")
		c.expect(want)
		c.noLetters()
		c.fencesRise()

		one.stop()
		changelog := map[string]string{}
		for _, r := range c.read(merge + "-table") {
			if changelog[string(r.Key)] = string(r.Value); r.Value == nil {
				delete(changelog, string(r.Key))
			}
		}
		if local := c.table("one", merge); len(local) < h.rows || !maps.Equal(local, changelog) {
			c.t.Errorf("%d values in leveldb, %d in the changelog; they differ", len(local), len(changelog))
		}
		c.process("one", "merge")
		c.sameBytes()
	})
}

// TestScenario33_hot_mailbox_257: 257 rows share an email, in several orders.
// It is quarantined each time, and its partition goes on.
func TestScenario33_hot_mailbox_257(t *testing.T) {
	t.Parallel()
	const rows = 257
	up := make([]int, rows)
	for i := range up {
		up[i] = i
	}
	down := make([]int, rows)
	for i := range down {
		down[i] = rows - 1 - i
	}
	scenario(t, func(c *cluster) {
		r := c.run("one")
		want, pos, mailboxes := map[string]string{}, 100, 0
		for name, order := range map[string][]int{"up": up, "down": down, "shuffled": rand.New(rand.NewPCG(33, 1)).Perm(rows)} {
			mailboxes++
			email := name + "@example.org"
			row := func(n int) *person { return at(1000*mailboxes+n, fmt.Sprint("Row ", n), email) }
			write := func(before, after *person) {
				pos += 10
				c.produce(c.change(pos, before, after))
			}
			var all []*person
			for _, n := range order[:rows-1] {
				all = append(all, row(n))
				write(nil, row(n))
			}
			if name == "shuffled" { // one has left: it counts still
				write(all[0], at(all[0].id, all[0].name, "left@example.org"))
				want["left@example.org"] = at(all[0].id, all[0].name, "left@example.org").document()
				all = all[1:]
			}
			want[email] = sharing(all...)
			c.expect(want)
			write(nil, row(order[rows-1]))
			delete(want, email)
			c.expect(want)
			if n := int(r.metric("customer360_processors_quarantined_total")); n != mailboxes {
				c.t.Errorf("%d keys quarantined, want %d", n, mailboxes)
			}
			write(row(order[1]), nil) // whoever leaves, it stays
			beside := at(1000*mailboxes+999, "Beside "+name, c.besides(email))
			write(nil, beside)
			want[*beside.email] = beside.document()
			c.expect(want)
		}
		letters := c.letters()
		for _, l := range letters {
			if !strings.Contains(l.Reason, "quarantined: 257 identities") {
				c.t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
			}
		}
		if len(letters) != mailboxes {
			c.t.Errorf("%d dead letters for %d mailboxes", len(letters), mailboxes)
		}
		c.sameBytes()
	})
}

// besides is another email on the same partition.
func (c *cluster) besides(email string) string {
	for i := 0; ; i++ {
		if other := fmt.Sprintf("beside%d.%s", i, email); c.place([]byte(other)) == c.place([]byte(email)) {
			return other
		}
	}
}
