package pipeline

import (
	"testing"
	"time"

	"customer360/topology"
)

// TestRebuildAfterRawTopicsWereDeleted: the topics that importer and poller write
// were deleted and created anew. Behind the promotion both write there again what
// the former ones had, and what is written is not written twice.
func TestRebuildAfterRawTopicsWereDeleted(t *testing.T) {
	t.Parallel()
	c := start(t, often)
	a := at(1, "A", "a@example.org")
	c.store.set(func(customers, orders map[string]string) {
		customers[*a.email], orders["1"] = details(1, *a.email), "["+order(1)+"]"
	})
	c.csv("before.csv", time.Hour, append([]string{csvHeader}, members(2, 30, "4")...)...)
	c.csv("night.csv", 2*time.Hour, append([]string{csvHeader}, members(2, 20, "5")...)...)
	want := ofMembers(2, 20, "5")
	want[*a.email], want["order::1"] = both(a, 1), order(1)
	r := c.run("one")
	c.produce(c.change(100, nil, a))
	c.expect(want)
	r.stop()

	c.recreate(topology.AnswersTopic)
	c.recreate(topology.LoyaltyTopic)
	if err := c.refusedAtStart(); err == nil {
		t.Fatal("nobody has noticed")
	}
	c.rebuild()
	c.promote()
	for range 2 {
		r = c.run("one")
		c.expect(want)
		r.stop()
		if n := len(c.read(topology.LoyaltyTopic)); n != 19 {
			t.Errorf("%d records of members, want each row once: 19", n)
		}
		answers := map[string]int{}
		for _, record := range c.read(topology.AnswersTopic) {
			if record.Value != nil { // members were not wanted while the new topic lacked them
				answers[string(record.Key)]++
			}
		}
		for email, n := range answers {
			if n != 1 {
				t.Errorf("%d answers for %s, want one", n, email)
			}
		}
		if len(answers) != 20 {
			t.Errorf("answers for %d emails, want 20", len(answers))
		}
	}
	c.noLetters()
}
