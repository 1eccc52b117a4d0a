package processors

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/codec/loyalty"
	"customer360/codec/onlinestore"
	"customer360/internal/model"
	"customer360/topology"
)

// story is what the three sources wrote, oldest first, and how it is played.
type story struct {
	partitions int32
	pass       codec.PassMode
	layout     string // of Home Delivery's table
	reversed   bool   // precedence: the default's sources backwards
	seed       uint64 // of the interleavings
	replay     int    // the records from here on are published once more
	tombstones int    // compaction has dropped the nulls before this record
	// orderly: of each key the last record is accepted, or nothing is. Then a
	// compacted topic says what the whole one did.
	orderly bool
	// barrier: a replay that begins behind this record changes nothing. Before
	// it lie snapshots, which no connector replays, and records without place.
	barrier int
	records []rawRecord
}

// world has the story's settings and nothing in its topics.
func (s *story) world() (*world, error) {
	cfg := debezium.DefaultConfig()
	cfg.Pass, cfg.Mapping.Layout = s.pass, s.layout
	delivery, err1 := debezium.New(cfg)
	members, err2 := loyalty.New(loyalty.Config{Pass: s.pass})
	store, err3 := onlinestore.New(onlinestore.Config{Pass: s.pass})
	if err1 != nil || err2 != nil || err3 != nil {
		return nil, fmt.Errorf("%v, %v, %v", err1, err2, err3)
	}
	w := newWorld(s.partitions, 0, Guard{Form: debezium.KeyForm, Pin: &memoryPin{forms: map[string]string{}}},
		codec.Source{Name: codec.HomeDelivery, Topic: topology.HomeDeliveryTopic, Primary: true, Decoder: delivery},
		codec.Source{Name: codec.Loyalty, Topic: topology.LoyaltyTopic, Primary: true, Decoder: members},
		codec.Source{Name: codec.OnlineStore, Topic: topology.AnswersTopic, Decoder: store})
	if s.reversed {
		p := DefaultPrecedence()
		for _, f := range []codec.Field{codec.FieldName, codec.FieldEmail} {
			slices.Reverse(p[f])
		}
		w.merger = newMerger(MergeConfig{Settings: w.settings, Precedence: p, Fail: markFatal}, w.merger.metrics)
	}
	return w, nil
}

func (s *story) model() *model.Model {
	o := model.Options{PassMode: string(s.pass), Layout: s.layout, Partitions: func(string) int32 { return s.partitions }}
	if s.reversed {
		back := []string{"loyalty", "home_delivery", "online_store"}
		o.Precedence = map[string][]string{"name": back, "email": back}
	}
	return model.New(o)
}

// place is where a record lies, unless the story says otherwise.
func (s *story) place(r *rawRecord) int32 {
	if len(r.partition) > 0 {
		return r.partition[0] % s.partitions
	}
	return topology.Partition([]byte(r.key), s.partitions)
}

// compacted leaves of each partition and key the last record, and of nulls only
// those that are not too old.
func (s *story) compacted() []rawRecord {
	type place struct {
		topic, key string
		partition  int32
	}
	last := map[place]int{}
	for i := range s.records {
		r := &s.records[i]
		last[place{r.topic, r.key, s.place(r)}] = i
	}
	var kept []rawRecord
	for _, i := range slices.Sorted(maps.Values(last)) {
		if s.records[i].value != nil || i >= s.tombstones {
			kept = append(kept, s.records[i])
		}
	}
	return kept
}

// narrator draws a story.
type narrator struct {
	*story
	t    *rapid.T
	calm bool
	home
	club
	shop
}

func (t *narrator) n(from, to int) int { return rapid.IntRange(from, to).Draw(t.t, "n") }

func (t *narrator) oneIn(n int) bool { return t.n(1, n) == n }

func (t *narrator) pick(from ...string) string { return rapid.SampledFrom(from).Draw(t.t, "pick") }

func (t *narrator) add(r rawRecord) { t.records = append(t.records, r) }

// wild says whether something may happen after which the last record of a key
// may be one that is refused. In a calm story nothing of that kind does.
func (t *narrator) wild() bool {
	if !t.calm {
		t.orderly = false
	}
	return !t.calm
}

// notAgain notes that what has been told is not replayed without effect.
func (t *narrator) notAgain() { t.barrier = len(t.records) }

// email is spelled in one of several ways, or unusable, or a mailbox of its own.
func (t *narrator) email() string {
	switch t.n(1, 12) {
	case 1:
		return t.pick("", "  ", "nobody", strings.Repeat("x", 245)+"@x", "null")
	case 2:
		return strings.Repeat("é", 122) + t.pick("@x", "@X")
	case 3:
		return t.pick("İ@x", "ß@x", "order::1@x")
	}
	name := t.pick("a", "a", "b", "b", "c", "d")
	return fmt.Sprintf(t.pick("%s@x", "%s@x", "%s@x", " %s@x\t", "\u00a0%s@x\u2003", "\u200b%s@x", "%s@x\n"), t.pick(name, name, strings.ToUpper(name)))
}

// drawStory draws one of so many deeds.
func drawStory(r *rapid.T, deeds ...int) *story {
	t := &narrator{t: r, story: &story{orderly: true, layout: debezium.LayoutAuto, pass: codec.PassKeep}}
	t.partitions = rapid.SampledFrom([]int32{3, 1, 2, 12}).Draw(r, "partitions")
	if t.oneIn(6) {
		t.pass = rapid.SampledFrom([]codec.PassMode{codec.PassHash, codec.PassDrop}).Draw(r, "pass")
	}
	if t.oneIn(6) {
		t.layout = t.pick(debezium.LayoutName, debezium.LayoutFirstLast)
	}
	t.reversed = t.oneIn(8)
	t.calm = t.oneIn(2)
	t.begin()
	for range rapid.SampledFrom(deeds).Draw(r, "deeds") {
		switch t.pick("home", "home", "home", "club", "shop", "shop") {
		case "home":
			t.homeDeed()
		case "club":
			t.clubDeed()
		case "shop":
			t.shopDeed()
		}
	}
	t.seed = rapid.Uint64().Draw(r, "seed")
	t.replay = t.n(0, len(t.records))
	t.tombstones = t.n(0, len(t.records))
	return t.story
}

// quoted is text as JSON, as other writers of JSON write it: with more escapes
// than are needed.
func quoted(s string) string { return strconv.QuoteToASCII(strings.ToValidUTF8(s, "")) }
