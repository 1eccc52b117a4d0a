package restpoll

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"customer360/codec"
	"customer360/topology"
)

// created plays that onlinestore.answers has that id from now on.
func (s *story) created(id string) {
	s.rules = NewRules(DefaultConfig(), topology.DefaultSettings(), s.rules.decoder, id)
}

// What was published counts for the topic that it went to.
func TestAnswersInADeletedTopicDoNotCount(t *testing.T) {
	for want, r := range map[string]result{published(`[]`): answer(`[]`), gone: notFound} {
		again := outcomeUnchanged
		if r.Kind == kindNotFound {
			again = outcomeNotFound
		}
		s := newStory(t)
		s.created("one")
		s.wanted()
		s.polled(r, outcomePublished)
		s.polled(r, again)
		s.created("two")
		s.polled(failed, outcomeFailed) // changes nothing about it
		s.polled(r, outcomePublished)
		s.polled(r, again)
		s.published(want, want)
	}
}

// A 304 says nothing of what lies in the topic: the whole answer is asked for.
func TestUnchangedIsNoAnswerForADeletedTopic(t *testing.T) {
	s := newStory(t)
	s.created("one")
	s.wanted()
	s.polled(answer(`[]`), outcomePublished)
	s.created("two")
	unchanged := result{Kind: kindUnchanged, Status: 304, Poll: s.poll, Time: start, Tags: tags{Details: "d", Orders: "o", CustomerID: "1"}}
	raw := codec.Raw{Key: []byte(alice), Value: unchanged.append(nil)}
	d := s.rules.polled(alice, s.old, &raw)
	if d.tags != (tags{}) || d.entry.Due > start+time.Minute.Milliseconds() {
		t.Errorf("it is asked for in %d ms, with %+v", d.entry.Due-start, d.tags)
	}
	s.apply(d, outcomeFailed)
	s.polled(answer(`[]`), outcomePublished)
	s.published(published(`[]`), published(`[]`))
}

// An entry of the former format counts for the topic that is there when its
// email is polled next, and names it from then on.
func TestEntriesThatNameNoTopicCount(t *testing.T) {
	for name, r := range map[string]result{"200": answer(`[]`), "304": {Kind: kindUnchanged, Status: 304}} {
		s := newStory(t)
		s.wanted()
		s.polled(answer(`[]`), outcomePublished)
		if b := s.old.append(nil); b[0] != plainFormat {
			t.Errorf("%s: format %d", name, b[0])
		}
		s.created("one")
		s.polled(r, outcomeUnchanged)
		if b := s.old.append(nil); b[0] != entryFormat {
			t.Errorf("%s: format %d", name, b[0])
		}
		s.created("") // an id that is not known says nothing
		s.polled(r, outcomeUnchanged)
		s.created("two")
		s.polled(answer(`[]`), outcomePublished)
		s.published(published(`[]`), published(`[]`))
	}
}

func TestARetriedDeadLetterNamesTheTopic(t *testing.T) {
	refuse := true
	s := newStory(t)
	s.rules.decoder = decoderFunc(func(*codec.Raw) (codec.Change, error) {
		if refuse {
			return codec.Change{}, errors.New("not yet")
		}
		return codec.Change{}, nil
	})
	s.created("one")
	s.wanted()
	bad := answer(`[]`)
	bad.Poll = s.poll
	s.polled(answer(`[]`), outcomeBad)
	refuse = false
	s.result(bad, outcomeReleased)
	s.created("two")
	s.polled(answer(`[]`), outcomePublished)
}

// The bytes are those that the former version wrote: it can read them, and its
// own are read.
func TestTheFormerFormat(t *testing.T) {
	const was = "01070207d0b8a9b4f83100c801" + "000102030405060708090a0b0c0d0e0f" + "101112131415161718191a1b1c1d1e1f"
	b, err := hex.DecodeString(was)
	if err != nil {
		t.Fatal(err)
	}
	var e entry
	if err := e.decode(b); err != nil {
		t.Fatal(err)
	}
	if e.Generation != 2 || e.Poll != 7 || e.Status != 200 || !e.Published || !e.BadLast || e.Topic != (codec.Hash{}) || e.Answer[15] != 15 || len(e.Bad) != 1 {
		t.Errorf("%+v", e)
	}
	if got := e.append(nil); !bytes.Equal(got, b) {
		t.Errorf("written as %x", got)
	}
	e.Topic = codec.HashOf([]byte("one"))
	b = e.append(nil)
	b[1] &^= entryPublished
	if err := e.decode(b); !errors.Is(err, errEntry) {
		t.Errorf("a topic of no answer: %v", err)
	}
	b[0] = entryFormat + 1
	if err := e.decode(b); !errors.Is(err, codec.ErrNewer) {
		t.Errorf("a newer format: %v", err)
	}
}

// The whole way: the topic is deleted and created anew between two runs.
func TestATopicCreatedAnewIsFilledAgain(t *testing.T) {
	w := newWorld(t)
	w.store.set("a@example.com", orders1)
	run := func(id string, polls int) {
		t.Helper()
		p, stop := w.start("one", func(cfg *Config, d *Deps) { quick(cfg, d); d.TopicID = id })
		before := w.store.requests(endpointDetails)
		w.until("ready", p.Ready)
		w.until("polls", func() bool { return w.store.requests(endpointDetails) >= before+polls })
		stop()
	}
	w.documents([]byte(`{}`), "a@example.com", "nobody@example.com")
	check := func() {
		t.Helper()
		w.published("a@example.com", ok200("a@example.com", orders1))
		w.published("nobody@example.com", gone)
	}
	run("", 6) // as the former version
	check()
	run("one", 6)
	check()
	topic := w.broker.Cluster.TopicInfo(topology.AnswersTopic).Configs["cleanup.policy"]
	if err := w.broker.Cluster.DeleteTopic(topology.AnswersTopic); err != nil {
		t.Fatal(err)
	}
	w.broker.CreateTopic(t, topology.AnswersTopic, 4, map[string]string{"cleanup.policy": *topic})
	run("one", 6) // nobody has noticed
	w.published("a@example.com")
	run("two", 6)
	check()
	run("two", 6)
	check()
}
