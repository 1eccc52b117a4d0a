package debezium

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAllCaptures(t *testing.T) {
	want := []string{
		`down@example.org: id=3001 name=while down email=down@example.org`,
		`ed@walker.com: id=2003 name=Edward Walker email=ed@walker.com`,
		`george.bailey@example.org: id=1002 name=George Bailey email=george.bailey@example.org`,
		`kander@acme.com: id=1006 name=Kenneth Anderson email=kander@acme.com`,
		`kill2@example.org: id=3003 name=after kill email=kill2@example.org`,
		`kill@example.org: id=3002 name=before kill email=kill@example.org`,
		`matthew2@example.com: id=1005 name=matthew again email=matthew2@example.com`,
		`phone@example.org: id=4001 name=with phone phone=+1 555 email=phone@example.org`,
		`sally3@acme.com: id=1001 name=Sally Replaced email=sally3@acme.com`,
		`trunc@example.org: id=4002 name=after truncate email=trunc@example.org`,
		`zoe+"q"@example.org: id=1100 name=Zoë O'Neil\ email=zoe+"q"@example.org`,
	}
	for _, name := range []string{"noschema.all.jsonl", "schema.all.jsonl"} {
		b := newTable(newDecoder(t, func(c *Config) { c.Mapping.Columns = map[string]string{"phone": "phone"} }))
		for i, raw := range capture(t, name) {
			if accepted, err := b.apply(&raw); err != nil || !accepted {
				t.Errorf("%s, record %d: accepted %t, %v", name, i, accepted, err)
			}
		}
		if got := b.show(); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if len(b.ignored) != 0 {
			t.Errorf("%s: ignored %v", name, b.ignored)
		}
	}
}

// TestCapturesWithAndWithoutSchemas holds the halves of the captures to each
// other, row by row. They are two runs: positions differ, and so does what was
// delivered twice.
func TestCapturesWithAndWithoutSchemas(t *testing.T) {
	pairs := 0
	for _, name := range captures(t) {
		rest, ok := strings.CutPrefix(name, "noschema.")
		if !ok {
			continue
		}
		pairs++
		bare, wrapped := stories(t, name, KeyBare), stories(t, "schema."+rest, KeyWrapped)
		if !maps.EqualFunc(bare, wrapped, slices.Equal) || len(bare) == 0 {
			t.Errorf("%s:\n%v\n%v", rest, bare, wrapped)
		}
	}
	if pairs != 8 {
		t.Errorf("%d pairs of captures, want 8", pairs)
	}
}

// stories is per row, or per label of ignored records, what its records say,
// repetitions left out.
func stories(t *testing.T, name, form string) map[string][]string {
	t.Helper()
	d := newDecoder(t, nil)
	told := map[string][]string{}
	for i, raw := range capture(t, name) {
		c, err := d.Decode(&raw)
		if err != nil {
			t.Fatalf("%s, record %d: %v", name, i, err)
		}
		if got := KeyForm(raw.Key); got != form {
			t.Errorf("%s, record %d: a key of the form %s", name, i, got)
		}
		row, says := c.Ignored, ""
		if row == "" {
			id, err := appendKeyID(nil, raw.Key)
			if err != nil {
				t.Fatal(err)
			}
			var e event
			if err := e.decode(c.Position); err != nil {
				t.Fatal(err)
			}
			row, says = string(id), fmt.Sprint(e.tombstone, e.deletes, e.creates, e.snapshot, e.server)
			for _, a := range c.Assertions {
				says += " " + showAssertion(a)
			}
		}
		told[row] = append(told[row], says)
	}
	for row := range told {
		told[row] = slices.Compact(told[row])
	}
	return told
}

func TestCapturesOfOtherTopics(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"extras.heartbeat-topic.jsonl":       {IgnoredHeartbeat: 4},
		"extras.transaction-topic.jsonl":     {IgnoredTransaction: 34},
		"extras.truncate.jsonl":              {IgnoredTruncate: 1},
		"noschema.schema-change-topic.jsonl": {IgnoredDDL: 7},
		"schema.schema-change-topic.jsonl":   {IgnoredDDL: 7},
	} {
		b := newTable(newDecoder(t, nil))
		for i, raw := range capture(t, name) {
			raw.Topic = "dbserver1.inventory.customers" // told by their shape alone
			if _, err := b.apply(&raw); err != nil {
				t.Errorf("%s, record %d: %v", name, i, err)
			}
		}
		if !maps.Equal(b.ignored, want) {
			t.Errorf("%s: ignored %v, want %v", name, b.ignored, want)
		}
	}
}

func TestCapturedSequences(t *testing.T) {
	for name, want := range map[string]string{
		"snapshot":         "annek@noanswer.org ed@walker.com gbailey@foobar.com matthew.groves@example.com sally.thomas@acme.com",
		"create":           "",
		"update":           "",
		"update-email":     "george.bailey@example.org sally2@acme.com",
		"delete-tombstone": "",
		"pk-change":        "ed@walker.com",
	} {
		for _, form := range []string{"noschema.", "schema."} {
			b := newTable(newDecoder(t, nil))
			records := capture(t, form+name+".jsonl")
			for i, raw := range records {
				if _, err := b.apply(&raw); err != nil {
					t.Errorf("%s, record %d: %v", name, i, err)
				}
			}
			var emails []string
			for _, assertions := range b.asserted {
				for _, a := range assertions {
					emails = append(emails, a.Key)
				}
			}
			slices.Sort(emails)
			if got := strings.Join(emails, " "); want != "" && got != want || len(records) == 0 ||
				(name == "delete-tombstone") != (len(emails) == 0) {
				t.Errorf("%s%s: %q", form, name, got)
			}
		}
	}
}

// TestPositionGolden pins the encodings that tables keep over restarts.
func TestPositionGolden(t *testing.T) {
	d := newDecoder(t, nil)
	records := capture(t, "noschema.all.jsonl")
	var stored []byte
	for i, want := range []struct{ position, state string }{
		{"080000" + "0101e90b00" + "d0dde6bca034", "080000" + "0101e90b00" + "d0dde6bca034"}, // r, server 0, file 1, pos 1513, a time
		{"0400f0d00d" + "0101b90d00" + "a0ede6bca034", "0a00f0d00d" + "0101b90d00" + "a0ede6bca034"},
	} {
		raw := records[[]int{0, 5}[i]]
		c, err := d.Decode(&raw)
		if err != nil {
			t.Fatal(err)
		}
		var accepted bool
		if stored, accepted = d.Accept(stored, &c); !accepted {
			t.Fatal("refused")
		}
		if got := hex.EncodeToString(c.Position); got != want.position {
			t.Errorf("position %s, want %s", got, want.position)
		}
		if got := hex.EncodeToString(stored); got != want.state {
			t.Errorf("state %s, want %s", got, want.state)
		}
	}
	// Before there were times, it was written like this.
	var before state
	if err := before.decode([]byte{2, 0, 0xf0, 0xd0, 0x0d, 1, 1, 0xb9, 0x0d, 0, 7}); err != nil || !before.created || before.at.pos != 1721 || before.time != 0 || len(before.left) != 1 {
		t.Errorf("%+v, %v", before, err)
	}
}
