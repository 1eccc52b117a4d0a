package processors

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"customer360/codec"
)

// A story's file has its settings as name=value, and its records as a golden
// script has them (parseRaw) or verbatim:
//
//	raw topic=loyalty.members key=27 value=`{"email":"a@x"}` header.c360.file.row=1 [partition=2]
//	raw topic=loyalty.members key=27 null
const headerWord = "header."

func (s *story) format(why string) []byte {
	settings := fmt.Sprintf("partitions=%d pass=%s layout=%s reversed=%t seed=%d replay=%d tombstones=%d orderly=%t barrier=%d\n",
		s.partitions, s.pass, s.layout, s.reversed, s.seed, s.replay, s.tombstones, s.orderly, s.barrier)
	var raw strings.Builder
	for _, r := range s.records {
		fmt.Fprintf(&raw, "raw topic=%s key=%s", r.topic, quoteWord(r.key))
		if r.value == nil {
			raw.WriteString(" null")
		} else {
			raw.WriteString(" value=" + quoteWord(string(r.value)))
		}
		for _, name := range slices.Sorted(maps.Keys(r.headers)) {
			raw.WriteString(" " + headerWord + name + "=" + quoteWord(string(r.headers[name])))
		}
		for _, p := range r.partition {
			fmt.Fprintf(&raw, " partition=%d", p)
		}
		raw.WriteString("\n")
	}
	comment := strings.TrimSpace(strings.ReplaceAll(why, "\n-- ", "\n - ")) + "\n"
	return txtar.Format(&txtar.Archive{Comment: []byte(comment),
		Files: []txtar.File{{Name: "settings", Data: []byte(settings)}, {Name: "raw", Data: []byte(raw.String())}}})
}

// quoteWord quotes as Go does, in the form that leaves JSON readable.
func quoteWord(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

func parseStory(t *testing.T, file []byte) *story {
	t.Helper()
	a := txtar.Parse(file)
	if len(a.Files) != 2 {
		t.Fatal("a story has the sections settings and raw")
	}
	_, set, err := words(string(a.Files[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(set[name])
		if err != nil {
			t.Fatalf("setting %s: %v", name, err)
		}
		return n
	}
	s := &story{partitions: int32(number("partitions")), pass: codec.PassMode(set["pass"]), layout: set["layout"], reversed: set["reversed"] == "true",
		replay: number("replay"), tombstones: number("tombstones"), orderly: set["orderly"] == "true", barrier: number("barrier")}
	if s.seed, err = strconv.ParseUint(set["seed"], 10, 64); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(a.Files[1].Data), "\n") {
		if rest, ok := strings.CutPrefix(line, "raw "); ok {
			s.records = append(s.records, verbatim(t, rest))
		} else {
			s.records = append(s.records, script(t, line)...)
		}
	}
	return s
}

func verbatim(t *testing.T, line string) rawRecord {
	bare, named, err := words(line)
	if err != nil {
		t.Fatal(line, err)
	}
	r := rawRecord{topic: named["topic"], key: named["key"]}
	if !slices.Contains(bare, "null") {
		r.value = []byte(named["value"])
	}
	for name, value := range named {
		if name, ok := strings.CutPrefix(name, headerWord); ok {
			if r.headers == nil {
				r.headers = map[string][]byte{}
			}
			r.headers[name] = []byte(value)
		}
	}
	if p, ok := named["partition"]; ok {
		n, err := strconv.Atoi(p)
		if err != nil {
			t.Fatal(line, err)
		}
		r.partition = []int32{int32(n)}
	}
	return r
}

// keepStory writes a failed story beside the others, for good.
func keepStory(t *testing.T, s *story, why string) string {
	text := s.format(why)
	file := filepath.Join("testdata", "stories", fmt.Sprintf("failed-%x.txtar", codec.HashOf(text)))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Error(err)
	}
	return file
}

// TestPropertyKeptStories plays the stories that have failed once, and some
// made by hand: in other interleavings, with every replay and every age of
// tombstones where they are not long, and in all interleavings where they are short.
func TestPropertyKeptStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) < 8 {
		t.Fatal(len(files), "stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := parseStory(t, text)
			if d := checkStory(t, s); d != "" {
				t.Fatal(d)
			}
			if len(s.records) > 50 {
				return // checked often enough
			}
			for i := range len(s.records) + 1 {
				s.seed, s.replay, s.tombstones = uint64(i), max(i, s.barrier), i
				if d := checkStory(t, s); d != "" {
					t.Fatalf("seed %d, replay from %d, tombstones before %d: %s", s.seed, s.replay, s.tombstones, d)
				}
			}
			if len(s.records) <= shortStory {
				states, d := checkEveryInterleaving(t, s)
				if d != "" {
					t.Fatal(d)
				}
				t.Logf("%d states", states)
			}
		})
	}
}

// TestStoryFile: a story is what its file says.
func TestStoryFile(t *testing.T) {
	s := &story{partitions: 3, pass: codec.PassHash, layout: "auto", reversed: true, seed: 1 << 63, replay: 1, tombstones: 2, orderly: true, barrier: 1,
		records: []rawRecord{{topic: "a", key: `{"id":1}`, value: []byte("x`\xff \n")}, {topic: "b", key: "", headers: map[string][]byte{"h.x": []byte("1 2")}, partition: []int32{2}}}}
	text := s.format("why\n-- raw --\n")
	if again := parseStory(t, text); !bytes.Equal(again.format("why\n-- raw --\n"), text) || len(again.records) != 2 || again.records[1].value != nil {
		t.Errorf("%s\n%s", text, again.format(""))
	}
}
