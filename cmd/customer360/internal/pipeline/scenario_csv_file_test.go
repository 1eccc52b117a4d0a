package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"customer360/emitters/csvdir"
)

const csvHeader = "Id,Password,FirstName,LastName,Email,Points"

// member is a row of the nightly file.
func member(id int, points string) string {
	return fmt.Sprintf("%d,secret,Member,No%d,m%d@example.org,%s", id, id, id, points)
}

func members(from, to int, points string) (rows []string) {
	for id := from; id <= to; id++ {
		rows = append(rows, member(id, points))
	}
	return rows
}

// ofMember is the document of somebody whom Loyalty alone knows.
func ofMember(id int, points string) string {
	return fmt.Sprintf(`{"type":"user","profile":{"name":"Member No%d","email":"m%d@example.org","loyaltyPoints":%q},`+
		`"xrefs":[{"external_system":"loyalty","external_ID":"%d","pass":"secret"}]}`, id, id, points, id)
}

func ofMembers(from, to int, points string) map[string]string {
	all := map[string]string{}
	for id := from; id <= to; id++ {
		all[fmt.Sprintf("m%d@example.org", id)] = ofMember(id, points)
	}
	return all
}

// csv drops a file whose time is that much after the night's beginning, as a
// copying job does: under another name first. It returns its path.
func (c *cluster) csv(name string, after time.Duration, lines ...string) string {
	c.t.Helper()
	return c.csvAt(name, time.Now().Add(after-24*time.Hour), lines...)
}

func (c *cluster) csvAt(name string, at time.Time, lines ...string) string {
	c.t.Helper()
	path := filepath.Join(c.config.Loyalty.Folder, name)
	if err := os.WriteFile(path+".part", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chtimes(path+".part", at, at); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// wrote is how many records a raw topic has ever had.
func (c *cluster) wrote(topic string) (n int) {
	c.t.Helper()
	for _, r := range c.everRaw() {
		if r.Topic == topic {
			n++
		}
	}
	return n
}

// history is what loyalty.files says, the newest file first.
func (c *cluster) history() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	files, err := csvdir.History(ctx, csvdir.Deps{Kafka: c.kafka})
	if err != nil {
		c.t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, fmt.Sprintf("%s %s", f.Name, f.Phase))
	}
	return strings.Join(all, ", ")
}

func (c *cluster) wantHistory(want string) {
	c.t.Helper()
	if got := c.history(); got != want {
		c.t.Errorf("history is %q, want %q", got, want)
	}
}
