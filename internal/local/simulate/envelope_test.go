package simulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// captured is a record of a real connector, as testdata holds it.
type captured struct {
	Headers map[string]string
	Key     string
	Value   *string
}

func captures(t *testing.T, file string) []captured {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var records []captured
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var c captured
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		records = append(records, c)
	}
	return records
}

// shape is a JSON text with its fields in order and its values as kinds; the
// columns of the row are left out, since the captured table has others.
func shape(t *testing.T, value []byte) string {
	t.Helper()
	if value == nil {
		return "tombstone"
	}
	var out strings.Builder
	d := json.NewDecoder(bytes.NewReader(value))
	skipping, depth := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return out.String()
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' {
				depth++
				if skipping == 0 && (strings.HasSuffix(out.String(), "before ") || strings.HasSuffix(out.String(), "after ")) {
					skipping = depth
					out.WriteString("row ")
				}
			} else {
				depth--
				if skipping > depth {
					skipping = 0
					continue
				}
			}
			if skipping == 0 {
				fmt.Fprint(&out, v, " ")
			}
		case string:
			if skipping == 0 {
				out.WriteString(v + " ")
			}
		case float64:
			if skipping == 0 {
				out.WriteString("number ")
			}
		default:
			if skipping == 0 {
				fmt.Fprint(&out, v, " ")
			}
		}
	}
}

// blurred replaces what differs between the captured server and this one: their
// names, MariaDB's and MySQL's GTIDs, and MySQL's thread.
func blurred(s string) string {
	s = regexp.MustCompile(`gtid [-:0-9a-f]+ `).ReplaceAllString(s, "gtid G ")
	return strings.NewReplacer("3.3.0.Final", "V", "3.3.1.Final", "V", "connector mariadb", "connector C", "connector mysql", "connector C",
		"mysql-bin.000001", "F", "mysql-bin.000003", "F", "thread <nil>", "thread T", "thread number", "thread T").Replace(s)
}

func keys(headers []kgo.RecordHeader) map[string]string {
	m := map[string]string{}
	for _, h := range headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestEnvelopesHaveTheShapeOfTheCaptures(t *testing.T) {
	now := time.UnixMilli(1795423842719)
	one, two := Row{ID: 1001, Email: "a@x"}, Row{ID: 1001, Email: "b@x", Address2: "Apt. A"}
	moved := Row{ID: 2003, Email: "a@x"}
	gone := change{op: 'd', before: &one, newKey: &moved.ID}
	come := change{op: 'c', after: &moved, oldKey: &one.ID}
	for _, c := range []struct {
		file    string
		records []*kgo.Record
	}{
		{"noschema.snapshot.jsonl", append(
			change{op: 'r', after: &one}.records("t", snapshotted("first"), now),
			change{op: 'r', after: &one}.records("t", snapshotted("true"), now)...)},
		{"noschema.update-email.jsonl", change{op: 'u', before: &one, after: &two}.records("t", streamed(3), now)},
		{"noschema.delete-tombstone.jsonl", change{op: 'd', before: &one}.records("t", streamed(3), now)},
		{"noschema.pk-change.jsonl", append(gone.records("t", streamed(4), now), come.records("t", streamed(4), now)...)},
	} {
		for k, theirs := range captures(t, c.file)[:len(c.records)] {
			mine := c.records[k]
			var value []byte
			if theirs.Value != nil {
				value = []byte(*theirs.Value)
			}
			got, want := blurred(shape(t, mine.Value)), blurred(shape(t, value))
			if got != want {
				t.Errorf("%s record %d:\n got %s\nwant %s", c.file, k, got, want)
			}
			myHeaders := keys(mine.Headers)
			if len(myHeaders) != len(theirs.Headers) {
				t.Errorf("%s record %d: headers %v, want the names of %v", c.file, k, myHeaders, theirs.Headers)
			}
			for name := range theirs.Headers {
				if _, ok := myHeaders[name]; !ok {
					t.Errorf("%s record %d: no header %s", c.file, k, name)
				}
			}
			if !json.Valid(mine.Key) || mine.Value != nil && !json.Valid(mine.Value) {
				t.Errorf("%s record %d is not JSON: %s %s", c.file, k, mine.Key, mine.Value)
			}
		}
	}
}

func TestMatthewsRowIsTheTutorials(t *testing.T) {
	p := people(t, 1, 0)
	var envelope struct{ After map[string]any }
	row := p.row(0, matthewRow)
	if err := json.Unmarshal(change{op: 'r', after: &row}.envelope(snapshotted("last"), time.Now()), &envelope); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"zipcode": "04006", "password": "5owhiy1j.isq", "city": "West Evertchester", "name": "Matthew Groves",
		"address_line_1": "600 Sporer Curve", "phonenumber": "811.128.4320 x4808", "id": 1029.0, "address_line_2": "Suite 528",
		"state": "NH", "email": "matthew.groves@couchbase.com",
	}
	if fmt.Sprint(envelope.After) != fmt.Sprint(want) {
		t.Error("Matthew's row is not the tutorial's (values not shown: there is a password in it)")
	}
}

func TestPositionsRiseThroughTheFiles(t *testing.T) {
	last := streamed(0)
	for step := int64(1); step < 10_000_000; step += 9973 {
		at := streamed(step)
		if at.file < last.file || at.file == last.file && at.pos <= last.pos {
			t.Fatalf("step %d is at %d:%d, an earlier one at %d:%d", step, at.file, at.pos, last.file, last.pos)
		}
		last = at
	}
	if last.file == firstFile {
		t.Error("ten million steps stay in one file")
	}
}

func TestTextIsValidJSON(t *testing.T) {
	for _, s := range []string{"", "plain", `Beatty "Back" Lane`, `a\b`, "tab\there", "李娜", "<&>"} {
		var back string
		if err := json.Unmarshal(appendText(nil, s), &back); err != nil || back != s {
			t.Errorf("%q came back as %q: %v", s, back, err)
		}
	}
}
