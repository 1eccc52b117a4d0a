package processors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
	"customer360/internal/model"
)

// shortStory is how many raw records are played in all interleavings.
const shortStory = 6

// TestPropertyEveryInterleaving: short stories, in every order in which the
// groups can read every partition.
func TestPropertyEveryInterleaving(t *testing.T) {
	interleavings := 0
	checkStories(t, 50, func(r *rapid.T, t testing.TB) (*story, string) {
		s := drawStory(r, 3, 2, 5, 8)
		if len(s.records) > shortStory {
			from := rapid.IntRange(0, len(s.records)-shortStory).Draw(r, "from")
			s.records = s.records[from : from+shortStory]
		}
		s.replay, s.tombstones, s.orderly, s.barrier = len(s.records), 0, false, 0
		n, d := checkEveryInterleaving(t, s)
		interleavings += n
		return s, d
	})
	t.Logf("%d different states of topics and tables", interleavings)
}

// checkEveryInterleaving visits all states that reading in any order leads to,
// each once: positions and the topic of records decide the rest. It returns how
// many there are, and the first that ends in other documents than the model's.
func checkEveryInterleaving(t testing.TB, s *story) (states int, wrong string) {
	w, err := s.world()
	if err != nil {
		return 0, err.Error()
	}
	m := s.model()
	w.publishStory(s, s.records, m)
	for _, k := range w.rekeyers {
		k.placement.judged.Store(true) // the states share it, and would count each record often
	}
	seen := map[codec.Hash]bool{}
	wrong = w.visit(t, m, seen)
	return len(seen), wrong
}

func (w *world) visit(t testing.TB, m *model.Model, seen map[codec.Hash]bool) string {
	state := w.identify()
	if seen[state] {
		return ""
	}
	seen[state] = true
	ready := w.ready()
	for _, r := range ready {
		next := w.clone()
		if next.next(r.topic, r.partition); next.stopped != nil {
			return next.stopped.Error()
		}
		if d := next.visit(t, m, seen); d != "" {
			return fmt.Sprintf("%s/%d, then %s", r.topic, r.partition, d)
		}
	}
	if len(ready) > 0 {
		return ""
	}
	if d := w.differs(t, m); d != "" {
		return "the end: " + d
	}
	return ""
}

// identify hashes what decides all that is still to come, and all that has: how
// far partitions were read, and the records that rekey wrote.
func (w *world) identify() codec.Hash {
	var b []byte
	for _, topic := range slices.Sorted(maps.Keys(w.read)) {
		for _, n := range w.read[topic] {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	for _, partition := range w.logs[w.settings.Records()] {
		for _, l := range partition {
			b = codec.AppendBytes(codec.AppendBytes(b, []byte(l.key)), l.value)
		}
		b = append(b, 0xff)
	}
	return codec.HashOf(b)
}

func (w *world) clone() *world {
	c := *w
	c.logs, c.read, c.tables = maps.Clone(w.logs), maps.Clone(w.read), maps.Clone(w.tables)
	for topic := range c.logs {
		c.logs[topic] = slices.Clone(w.logs[topic])
		for p := range c.logs[topic] {
			c.logs[topic][p] = slices.Clip(w.logs[topic][p])
		}
		c.read[topic] = slices.Clone(w.read[topic])
	}
	for group := range c.tables {
		c.tables[group] = maps.Clone(w.tables[group])
	}
	c.journal = nil
	return &c
}

// TestEveryInterleaving counts what the search visits where the number is known:
// two identities on partitions of their own, one document.
func TestEveryInterleaving(t *testing.T) {
	s := parseStory(t, bytes.TrimSpace([]byte(`
-- settings --
partitions=12 pass=keep layout=auto seed=1 replay=0 tombstones=0 barrier=0
-- raw --
hd id=1 op=c email=a@x name=A pos=3/100
hd id=2 op=c email=a@x name=B pos=3/200
`)))
	if s.place(&s.records[0]) == s.place(&s.records[1]) {
		t.Fatal("both rows lie on one partition")
	}
	// Nothing read; one rekeyed (2), merged or not (2 each); both rekeyed in
	// either order (2), and merge 0, 1 or 2 records on (3 each).
	if n, wrong := checkEveryInterleaving(t, s); n != 1+4+6 || wrong != "" {
		t.Errorf("%d states: %s", n, wrong)
	}
}
