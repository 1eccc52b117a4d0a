package processors

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"customer360/codec"
	"customer360/internal/model"
	"customer360/topology"
)

// interleaving picks partitions with a seed: evenly, or with a bent for the
// first ones or the last ones, so that groups run far ahead of others.
func interleaving(seed uint64) func(n int) int {
	random := rand.New(rand.NewPCG(seed, 360))
	bent := random.IntN(4)
	return func(n int) int {
		i := random.IntN(n)
		switch bent {
		case 0:
			return min(i, random.IntN(n))
		case 1:
			return max(i, random.IntN(n))
		case 2:
			if random.IntN(8) > 0 {
				return n - 1
			}
		}
		return i
	}
}

// publishStory appends records to the raw topics and tells them to the model.
func (w *world) publishStory(s *story, records []rawRecord, m *model.Model) {
	for i := range records {
		r := &records[i]
		l := w.append(logged{topic: r.topic, partition: s.place(r), key: r.key, value: r.value, headers: r.headers})
		m.Apply(l.raw())
	}
}

// checkStory plays a story through the callbacks of rekey and merge and
// compares with the model, in all the ways that the product must survive. It
// returns what is wrong.
func checkStory(t testing.TB, s *story) string {
	w, err := s.world()
	if err != nil {
		return err.Error()
	}
	m := s.model()
	w.publishStory(s, s.records, m)
	w.settle(interleaving(s.seed))
	if w.stopped != nil || len(m.Stopped()) > 0 {
		return fmt.Sprintf("stopped: %v, model %v", w.stopped, m.Stopped())
	}
	if d := w.differs(t, m); d != "" {
		return "calm: " + d
	}
	if d := w.fenced(t, s.seed); d != "" {
		return "fenced writes: " + d
	}
	if d := w.recordsAgain(t, s.seed); d != "" {
		return "records read twice: " + d
	}
	if d := checkCompacted(t, s, m); d != "" {
		return "compacted: " + d
	}
	return w.checkReplay(t, s, m)
}

// fenced applies the messages of the documents' topic in any order, some twice,
// under the sink's rule: only over an older fence. The last ones must win.
func (w *world) fenced(t testing.TB, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 1))
	messages := w.all(w.settings.Documents())
	messages = append(messages, messages[random.IntN(len(messages)+1):]...)
	random.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	bucket, fences := map[string]string{}, map[string]int{}
	for _, l := range messages {
		fence := 0
		if _, err := fmt.Sscan(string(l.headers[codec.HeaderFence]), &fence); err != nil || fence < 1 {
			return fmt.Sprintf("%s: fence %q", l.key, l.headers[codec.HeaderFence])
		}
		if fence <= fences[l.key] {
			continue
		}
		if fences[l.key] = fence; l.value == nil {
			delete(bucket, l.key)
			continue
		}
		bucket[l.key] = string(l.value)
	}
	if want := w.documents(t); !maps.Equal(bucket, want) {
		return differences(bucket, want)
	}
	return ""
}

// recordsAgain lets merge read some records twice: no document may be emitted,
// and its table stays.
func (w *world) recordsAgain(t testing.TB, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 2))
	emitted := len(w.all(w.settings.Documents()))
	table := maps.Clone(w.tables[w.settings.MergeGroup()])
	for _, l := range w.all(w.settings.Records()) {
		if random.IntN(2) == 0 {
			w.append(l)
		}
	}
	w.settle(interleaving(seed))
	if n := len(w.all(w.settings.Documents())); n != emitted {
		return fmt.Sprintf("%d documents more", n-emitted)
	}
	if !maps.EqualFunc(table, w.tables[w.settings.MergeGroup()], slices.Equal) {
		return "merge's table has changed"
	}
	return ""
}

// checkCompacted rebuilds from compacted topics: what the model makes of them,
// and where the sources kept to the contract, what the whole topics made.
func checkCompacted(t testing.TB, s *story, whole *model.Model) string {
	w, err := s.world()
	if err != nil {
		return err.Error()
	}
	m := s.model()
	w.publishStory(s, s.compacted(), m)
	w.settle(interleaving(s.seed + 1))
	if w.stopped != nil {
		return w.stopped.Error()
	}
	if d := w.differs(t, m); d != "" {
		return d
	}
	if s.orderly && len(whole.Quarantined()) == 0 && !maps.EqualFunc(m.Documents(), whole.Documents(), slices.Equal) {
		return "documents of the whole topics and of the compacted ones: " + differences(texts(whole.Documents()), texts(m.Documents()))
	}
	return ""
}

// checkReplay publishes the end of the story once more.
func (w *world) checkReplay(t testing.TB, s *story, m *model.Model) string {
	before := w.documents(t)
	w.publishStory(s, s.records[s.replay:], m)
	w.settle(interleaving(s.seed + 2))
	if w.stopped != nil {
		return w.stopped.Error()
	}
	if d := w.differs(t, m); d != "" {
		return "replayed: " + d
	}
	if got := w.documents(t); s.replay >= s.barrier && !s.splitsDelete() && !maps.Equal(got, before) {
		return "a replay changed documents: " + differences(got, before)
	}
	return ""
}

// splitsDelete: a replay that begins with a null and leaves out its d, which no
// connector does, since both have one source offset. A d that was refused would
// not stand before its null, which then withdraws.
func (s *story) splitsDelete() bool {
	if s.replay == 0 || s.replay == len(s.records) {
		return false
	}
	r, before := &s.records[s.replay], &s.records[s.replay-1]
	return r.topic == topology.HomeDeliveryTopic && r.value == nil && before.key == r.key
}

func texts(bodies map[string][]byte) map[string]string {
	m := map[string]string{}
	for key, body := range bodies {
		m[key] = string(body)
	}
	return m
}
