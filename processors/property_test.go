package processors

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
)

// history is what happens to one identity, oldest first, as script lines.
type history []string

// drawHistories draws rows, members and store customers who share few emails
// and few orders.
func drawHistories(t *rapid.T) []history {
	email := rapid.SampledFrom([]string{"a@x", "b@x", " A@X ", "c@x", "nobody"})
	var all []history
	for id := 1; id <= rapid.IntRange(1, 3).Draw(t, "rows"); id++ {
		var h history
		for n := range rapid.IntRange(1, 5).Draw(t, "events") {
			line := fmt.Sprintf("hd id=%d op=%s email=%q name=N%d city=%q pos=3/%d", id, rapid.SampledFrom([]string{"u", "u", "u", "d"}).Draw(t, "op"),
				email.Draw(t, "email"), id, rapid.SampledFrom([]string{"", "C", "D"}).Draw(t, "city"), 100*(n+1))
			if h = append(h, line); strings.Contains(line, "op=d") {
				h = append(h, fmt.Sprintf("hd id=%d null", id))
			}
		}
		all = append(all, h)
	}
	for id := 1; id <= rapid.IntRange(0, 2).Draw(t, "members"); id++ {
		var h history
		for n := range rapid.IntRange(1, 4).Draw(t, "nights") {
			h = append(h, fmt.Sprintf("loyalty id=%d email=%q first=F%d points=%d %s file=%da row=1", id, email.Draw(t, "email"), id,
				rapid.IntRange(0, 2).Draw(t, "points"), rapid.SampledFrom([]string{"", "", "null"}).Draw(t, "null"), n+1))
		}
		all = append(all, h)
	}
	for _, asked := range []string{"a@x", "b@x"} {
		var h history
		for range rapid.IntRange(0, 4).Draw(t, "polls") {
			h = append(h, "store "+asked+" "+rapid.SampledFrom([]string{"404", "null", "id=1 name=S", "id=1 name=S orders=1:10", "id=2 name=T orders=1:10,2:20"}).Draw(t, "answer"))
		}
		all = append(all, h)
	}
	return all
}

// interleave draws one order of all histories that keeps each one's own.
func interleave(t *rapid.T, histories []history) (lines []string) {
	rest := slices.Clone(histories)
	for {
		rest = slices.DeleteFunc(rest, func(h history) bool { return len(h) == 0 })
		if len(rest) == 0 {
			return lines
		}
		i := rapid.IntRange(0, len(rest)-1).Draw(t, "next")
		lines, rest[i] = append(lines, rest[i][0]), rest[i][1:]
	}
}

func played(t *rapid.T, tb testing.TB, lines []string) *world {
	w := scriptWorld(tb)
	for _, r := range script(tb, strings.Join(lines, "\n")) {
		w.publish(r.topic, r.key, r.value, r.headers)
	}
	w.settle(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "partition") })
	if w.stopped != nil {
		t.Fatal(w.stopped)
	}
	return w
}

// TestInterleavings: whatever the order between identities, partitions and
// groups, the documents are the same.
func TestInterleavings(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		histories := drawHistories(r)
		one := played(r, t, interleave(r, histories)).documents(t)
		two := played(r, t, interleave(r, histories)).documents(t)
		if !reflect.DeepEqual(one, two) {
			r.Fatalf("%v\n%v", one, two)
		}
		for key, doc := range one {
			if !json.Valid([]byte(doc)) {
				r.Fatalf("%s: %s", key, doc)
			}
		}
	})
}

// TestReplays: the end of any raw topic again, any records again: the documents
// do not change, and none is emitted for a record read twice.
func TestReplays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lines := interleave(r, drawHistories(r))
		want := played(r, t, lines).documents(t)
		var log []string // the log of the sources with an order of their own
		for _, line := range lines {
			if !strings.HasPrefix(line, "store") {
				log = append(log, line)
			}
		}
		again := log[rapid.IntRange(0, len(log)).Draw(r, "from"):]
		w := played(r, t, append(slices.Clone(lines), again...))
		if got := w.documents(t); !reflect.DeepEqual(got, want) {
			r.Fatalf("suffix again: %v, want %v", got, want)
		}
		emitted := len(w.all(w.settings.Documents()))
		for _, l := range w.all(w.settings.Records()) {
			if rapid.Bool().Draw(r, "again") {
				w.append(l)
			}
		}
		tables := maps.Clone(w.tables[w.settings.MergeGroup()])
		if w.settle(first); len(w.all(w.settings.Documents())) != emitted || !reflect.DeepEqual(tables, w.tables[w.settings.MergeGroup()]) {
			r.Fatal("records read twice change something")
		}
	})
}

// TestMergeAndUnmerge: an identity that joins a document and leaves it again
// leaves the document's bytes as they were.
func TestMergeAndUnmerge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		base := interleave(r, drawHistories(r))
		want := played(r, t, base).documents(t)
		join := `hd id=77 op=c email=` + rapid.SampledFrom([]string{"a@x", "b@x", "new@x"}).Draw(r, "email") + ` name=Guest city=G pos=5/1`
		leave := rapid.SampledFrom([]string{`hd id=77 op=d email=a@x pos=5/2`, `hd id=77 null`, `hd id=77 op=u email=nobody pos=5/2`}).Draw(r, "leave")
		at := rapid.IntRange(0, len(base)).Draw(r, "at")
		lines := slices.Concat(base[:at:at], []string{join}, base[at:], []string{leave})
		w := played(r, t, lines)
		if got := w.documents(t); !reflect.DeepEqual(got, want) {
			r.Fatalf("%v, want %v", got, want)
		}
	})
}

// TestStatesAreCanonical: the registers' bytes depend on the newest records
// alone, and a document on the asserted ones alone.
func TestStatesAreCanonical(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var records []codec.Record
		newest := map[string]int64{}
		for range rapid.IntRange(1, 12).Draw(r, "records") {
			source := rapid.SampledFrom([]string{codec.HomeDelivery, codec.Loyalty, codec.OnlineStore}).Draw(r, "source")
			identity := rapid.SampledFrom([]string{"1", "2", "10"}).Draw(r, "identity")
			version := newest[source+identity] + 1 // one record for each version
			newest[source+identity] = version
			if rapid.Bool().Draw(r, "withdraw") {
				records = append(records, withdraw("a@x", source, identity, version))
				continue
			}
			records = append(records, assert("a@x", source, identity, version, "id", drawScalar(r, "id"), "name", rapid.StringN(0, 3, -1).Draw(r, "name"), "city", source))
		}
		state, document := mergeAll(t, records...)
		again, same := mergeAll(t, rapid.Permutation(append(slices.Clone(records), records...)).Draw(r, "order")...)
		if string(state) != string(again) || document != same {
			r.Fatalf("%x\n%x\n%s\n%s", state, again, document, same)
		}
	})
}
