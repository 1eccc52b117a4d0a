package processors

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"customer360/codec"
	"customer360/codec/debezium"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scriptWorld has few partitions, so that keys meet on them.
func scriptWorld(t testing.TB) *world {
	return newWorld(3, 64<<10, Guard{Form: debezium.KeyForm, Pin: &memoryPin{forms: map[string]string{}}}, realSources(t)...)
}

// script reads the raw records of a golden file: a line each, # is a comment,
// "repeat 1-257 line" puts the number for every %d.
func script(t testing.TB, text string) []rawRecord {
	t.Helper()
	var records []rawRecord
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		from, to := 0, 0
		if rest, ok := strings.CutPrefix(line, "repeat "); ok {
			if _, err := fmt.Sscanf(rest, "%d-%d", &from, &to); err != nil {
				t.Fatal(err)
			}
			_, line, _ = strings.Cut(rest, " ")
		}
		for i := from; i <= to; i++ {
			r, err := parseRaw(strings.ReplaceAll(line, "%d", strconv.Itoa(i)))
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, r)
		}
	}
	return records
}

func (w *world) play(records []rawRecord, after func()) {
	for _, r := range records {
		w.publish(r.topic, r.key, r.value, r.headers, r.partition...)
		after()
	}
	w.settle(first)
}

// TestScenarios plays the scripts of testdata/*.txtar calmly, each record after
// the last one has gone all the way, and compares everything that came out. Then
// it plays them in other orders of partitions: the documents must be the same.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), "scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			records := script(t, string(archive.Files[0].Data))
			w := scriptWorld(t)
			w.play(records, func() { w.settle(first) })
			got := &txtar.Archive{Comment: archive.Comment, Files: append(archive.Files[:1:1], w.sections(t)...)}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(txtar.Format(got), txtar.Format(archive)) {
				t.Errorf("differs from the golden file (-update writes it):\n%s", txtar.Format(got))
			}
			if w.stopped == nil {
				otherOrders(t, records, w.documents(t))
			}
		})
	}
}

func otherOrders(t *testing.T, records []rawRecord, want map[string]string) {
	last := func(n int) int { return n - 1 }
	turn := 0
	round := func(n int) int { turn++; return turn * 7 % n }
	for name, pick := range map[string]func(int) int{"first partition first": first, "last partition first": last, "in turns": round} {
		w := scriptWorld(t)
		w.play(records, func() {})
		w.settle(pick)
		if got := w.documents(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		// The records topic once more: nothing may change.
		emitted := len(w.all(w.settings.Documents()))
		for _, l := range w.all(w.settings.Records()) {
			w.append(l)
		}
		if w.settle(pick); len(w.all(w.settings.Documents())) != emitted {
			t.Errorf("%s: records read twice change documents", name)
		}
	}
}

// sections dumps what came out.
func (w *world) sections(t testing.TB) []txtar.File {
	t.Helper()
	var files []txtar.File
	section := func(name string, lines []string) {
		if lines = shorten(lines); len(lines) > 0 {
			files = append(files, txtar.File{Name: name, Data: []byte(strings.Join(lines, "\n") + "\n")})
		}
	}
	section("records", w.dumpRecords(t))
	var documents []string
	for _, l := range w.journal {
		if l.topic == w.settings.Documents() {
			documents = append(documents, fmt.Sprintf("%s fence=%s %s", l.key, l.headers[codec.HeaderFence], orNull(l.value)))
		}
	}
	section("documents", documents)
	section("tables", w.dumpTables(t))
	var letters []string
	for _, d := range w.letters(t) {
		letters = append(letters, fmt.Sprintf("%s %s %s: %s", d.Coordinates(), d.Stage, d.Source, d.Reason))
	}
	section("dead letters", letters)
	section("ignored", w.dumpIgnored(t))
	if w.stopped != nil {
		section("stopped", []string{fmt.Sprintf("for good: %v", errors.Is(w.stopped, errFatal)), w.stopped.Error()})
	}
	return files
}

// shorten keeps golden files readable: what is left out stands there as a hash.
func shorten(lines []string) []string {
	const head, tail, width = 5, 25, 2000
	if len(lines) > head+tail {
		cut := lines[head : len(lines)-tail]
		hash := fmt.Sprintf("... %d lines, %x", len(cut), codec.HashOf([]byte(strings.Join(cut, "\n"))))
		lines = slices.Concat(lines[:head], []string{hash}, lines[len(lines)-tail:])
	}
	for i, line := range lines {
		if len(line) > width {
			lines[i] = fmt.Sprintf("%s... %d bytes, %x", line[:width/10], len(line), codec.HashOf([]byte(line)))
		}
	}
	return lines
}

func orNull(value []byte) string {
	if value == nil {
		return "null"
	}
	return string(value)
}

func (w *world) dumpRecords(t testing.TB) (lines []string) {
	for _, l := range w.journal {
		if l.topic != w.settings.Records() {
			continue
		}
		r, err := codec.DecodeRecord(l.key, l.value)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d/%d %s %s %s", l.partition, l.offset, l.key, map[codec.Kind]string{codec.Assert: "+", codec.Withdraw: "-"}[r.Kind], r.Source)
		lines = append(lines, fmt.Sprintf("%s %s v%d%s", line, r.Identity, r.Version, dumpFields(t, r.Fields)))
	}
	return lines
}

func dumpFields(t testing.TB, encoded []byte) (s string) {
	var f codec.Fields
	if err := f.Decode(encoded); err != nil {
		t.Fatal(err)
	}
	for n := codec.Field(1); n <= codec.FieldBody; n++ {
		if v := f.Get(n); v != nil {
			s += fmt.Sprintf(" %s=%s", n, v)
		}
	}
	return s
}

func (w *world) dumpTables(t testing.TB) (lines []string) {
	for _, group := range slices.Sorted(maps.Keys(w.tables)) {
		for _, key := range slices.Sorted(maps.Keys(w.tables[group])) {
			value, line := w.tables[group][key], group+" "+key+":"
			if group != w.settings.MergeGroup() {
				state, entries, err := cutAsserted(value)
				if err != nil {
					t.Fatal(err)
				}
				line += fmt.Sprintf(" position=%x", state)
				for len(entries) > 0 {
					var documentKey []byte
					documentKey, _, entries, _ = cutEntry(entries)
					line += " " + string(documentKey)
				}
			} else if quarantined, _ := checkRegisters(value); quarantined {
				line += " quarantined"
			} else {
				line += fmt.Sprintf(" document=%v", hasDocument(value))
				for rest := value[registersHeader:]; len(rest) > 0; {
					r, next, err := cutRegister(rest)
					if err != nil {
						t.Fatal(err)
					}
					line, rest = line+fmt.Sprintf(" %s/%s=%s%d", r.source, r.identity, map[bool]string{true: "+", false: "-"}[r.asserted], r.version), next
				}
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (w *world) dumpIgnored(t testing.TB) (lines []string) {
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "customer360_processors_ignored_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			lines = append(lines, fmt.Sprintf("%s %s %v", m.GetLabel()[1].GetValue(), m.GetLabel()[0].GetValue(), m.GetCounter().GetValue()))
		}
	}
	return lines
}

// TestMatthewGroves: the customer of the tutorial.
func TestMatthewGroves(t *testing.T) {
	want, err := os.ReadFile("testdata/matthew.groves.json")
	if err != nil {
		t.Fatal(err)
	}
	w := scriptWorld(t)
	w.play(script(t, `
		store matthew.groves@couchbase.com id=1 name="Matthew Groves" pass=edzchzmatv5 orders=1:1207.6,2:439.48
		loyalty id=27 email=matthew.groves@couchbase.com first=Matthew last=Groves points=47 pass=xrinn5xp.swd file=1a row=1
		hd id=1029 op=c email=matthew.groves@couchbase.com name="Matthew Groves" pass=5owhiy1j.isq address1="600 Sporer Curve" address2="Suite 528" city="West Evertchester" state=NH zipcode=04006 phone="811.128.4320 x4808" pos=3/11971
	`), func() {})
	docs := w.documents(t)
	if got := docs["matthew.groves@couchbase.com"]; got != string(bytes.TrimSpace(want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(docs) != 3 || docs["order::1"] == "" || docs["order::2"] == "" || len(w.letters(t)) != 0 {
		t.Errorf("%v, %v", slices.Sorted(maps.Keys(docs)), w.letters(t))
	}
}
