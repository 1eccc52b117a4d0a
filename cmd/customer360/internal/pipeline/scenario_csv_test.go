package pipeline

import (
	"maps"
	"os"
	"testing"
	"time"

	"customer360/emitters/csvdir"
	"customer360/topology"
)

// A member who is missing the next night is withdrawn, and back the night after.
func TestScenario15_csv_absent(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.run("one")
		all := map[string]string{"m1@example.org": ofMember(1, "0"), "m2@example.org": ofMember(2, "20"), "m3@example.org": ofMember(3, "30")}
		c.csv("loyalty04292019_020000.csv", time.Hour, csvHeader, member(1, "0"), member(2, "20"), member(3, "30"))
		c.expect(all)

		without := maps.Clone(all)
		delete(without, "m2@example.org")
		c.csv("loyalty04302019_020000.csv", 2*time.Hour, csvHeader, member(1, "0"), member(3, "30"))
		c.expect(without)
		if _, ok := c.documents("staging")["loyalty-member-2"]; ok {
			c.t.Error("the absent member is staged still")
		}

		all["m2@example.org"] = ofMember(2, "21")
		c.csv("loyalty05012019_020000.csv", 3*time.Hour, csvHeader, member(1, "0"), member(2, "21"), member(3, "30"))
		c.expect(all)
		if staged := c.documents("staging"); len(staged) != 3 || staged["loyalty-member-2"] == "" {
			c.t.Errorf("%d members are staged, want 3", len(staged))
		}
		c.noLetters()
		c.sameBytes()
	})
}

// Two instances watch one folder: each night is imported once.
func TestScenario17_csv_same_file_two_instances(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.run("one")
		c.run("two", "csvdir")
		for n, points := range []string{"1", "2", "3"} {
			c.csv("night"+points+".csv", time.Duration(n)*time.Hour, append([]string{csvHeader}, members(1, 50, points)...)...)
			c.expect(ofMembers(1, 50, points))
			if got := c.wrote(topology.LoyaltyTopic); got != 50*(n+1) {
				c.t.Errorf("%d records after night %d, want each row once: %d", got, n+1, 50*(n+1))
			}
		}
		c.wantHistory("night3.csv done, night2.csv done, night1.csv done")
		c.noLetters()
		c.sameBytes()
	})
}

// A newer time on the same content says that the source says the same again.
func TestScenario17_csv_touched_without_change(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.run("one")
		path := c.csv("night.csv", time.Hour, append([]string{csvHeader}, members(1, 20, "5")...)...)
		want := ofMembers(1, 20, "5")
		c.expect(want)
		staged := c.documents("staging")
		later := time.Now().Add(-20 * time.Hour)
		if err := os.Chtimes(path, later, later); err != nil {
			c.t.Fatal(err)
		}
		c.expect(want)
		c.wantHistory("night.csv unchanged, night.csv done")
		// What lies between the two times is older than what the source said last.
		c.csv("between.csv", 2*time.Hour, append([]string{csvHeader}, members(1, 19, "6")...)...)
		c.expect(want)
		if got := c.wrote(topology.LoyaltyTopic); got != 20 {
			c.t.Errorf("%d records, want each row once: 20", got)
		}
		if d := difference(staged, c.documents("staging")); d != "" {
			c.t.Error("staging: ", d)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// Of files that wait the newest by time counts, whatever their names; one that
// comes late is skipped.
func TestScenario18_csv_older_after_newer(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.csv("z.csv", time.Hour, append([]string{csvHeader}, members(1, 8, "old")...)...)
		c.csv("a.csv", 3*time.Hour, append([]string{csvHeader}, members(1, 9, "new")...)...)
		c.run("one")
		want := ofMembers(1, 9, "new")
		c.expect(want)
		c.csv("late.csv", 2*time.Hour, append([]string{csvHeader}, members(1, 10, "late")...)...)
		c.expect(want)
		c.wantHistory("a.csv done, late.csv skipped")
		if got := c.wrote(topology.LoyaltyTopic); got != 9 {
			c.t.Errorf("%d records, want those of the newest file: 9", got)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// The same content comes again after another one: it counts.
func TestScenario18_csv_A_B_A(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.run("one")
		a := append([]string{csvHeader}, members(1, 20, "A")...)
		c.csv("1.csv", 1*time.Hour, a...)
		c.expect(ofMembers(1, 20, "A"))
		c.csv("2.csv", 2*time.Hour, append([]string{csvHeader}, members(2, 21, "B")...)...)
		c.expect(ofMembers(2, 21, "B"))
		c.csv("3.csv", 3*time.Hour, a...)
		c.expect(ofMembers(1, 20, "A"))
		c.wantHistory("3.csv done, 2.csv done, 1.csv done")
		c.noLetters()
		c.sameBytes()
	})
}

// A file of a tenth of the rows is held, reported, and goes on once accepted.
func TestScenario19_csv_shrunk(t *testing.T) {
	scenario(t, func(c *cluster) {
		r := c.run("one")
		c.csv("full.csv", time.Hour, append([]string{csvHeader}, members(1, 60, "1")...)...)
		want := ofMembers(1, 60, "1")
		c.expect(want)
		path := c.csv("shrunk.csv", 2*time.Hour, append([]string{csvHeader}, members(1, 6, "2")...)...)
		c.expect(want)
		if got := c.wrote(topology.LoyaltyTopic); got != 60 {
			c.t.Errorf("%d records: a held file has written", got)
		}
		c.wantHistory("shrunk.csv held, full.csv done")
		held := r.Importer().Status().Held
		if len(held) != 1 || held[0].Reason != "the file would withdraw 54 of 60 known members (90.0%, the limit is 10.0%)" {
			c.t.Fatalf("reported: %+v", held)
		}
		if got := r.metric("customer360_csvdir_held_files"); got != 1 {
			c.t.Errorf("customer360_csvdir_held_files is %v", got)
		}
		if err := csvdir.Accept(c.t.Context(), csvdir.Deps{Kafka: c.kafka}, path); err != nil {
			c.t.Fatal(err)
		}
		c.expect(ofMembers(1, 6, "2"))
		c.wantHistory("shrunk.csv done, full.csv done")
		if got := c.wrote(topology.LoyaltyTopic); got != 60+60 {
			c.t.Errorf("%d records, want 60, then 6 rows and 54 withdrawals", got)
		}
		c.noLetters()
		c.sameBytes()
	})
}
