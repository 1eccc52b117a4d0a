package restpoll

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"customer360/codec"
	"customer360/codec/onlinestore"
	"customer360/topology"
)

const (
	start = int64(1_700_000_000_000)
	alice = "alice@example.com"
)

// strict refuses orders that are no array and details of another email: the
// real decoder has its own tests.
type strict struct{ codec.Decoder }

func (strict) Decode(raw *codec.Raw) (codec.Change, error) {
	var a struct {
		Status   int
		Customer struct{ Email string }
		Orders   []json.RawMessage
	}
	if err := json.Unmarshal(raw.Value, &a); err != nil {
		return codec.Change{}, errors.New("not the store's answer")
	}
	if a.Status == 200 && a.Customer.Email != string(raw.Key) {
		return codec.Change{}, errors.New("an answer for another email")
	}
	return codec.Change{}, nil
}

// story plays messages against the rules as the engine would.
type story struct {
	t       *testing.T
	rules   *Rules
	old     *entry
	offset  int64
	poll    uint64   // of the newest entry
	answers []string // published, "null" for a tombstone
	dead    []*codec.DeadLetter
}

func newStory(t *testing.T) *story {
	settings := topology.DefaultSettings()
	return &story{t: t, rules: NewRules(DefaultConfig(), settings, strict{}, "")}
}

func (s *story) apply(d decision, want string) {
	s.t.Helper()
	if d.outcome != want {
		s.t.Errorf("message %d: %s, want %s", s.offset, d.outcome, want)
	}
	switch d.table {
	case tableSet:
		s.old = new(entry)
		if err := s.old.decode(d.entry.append(nil)); err != nil {
			s.t.Fatal(err)
		}
		s.poll = s.old.Poll
	case tableRemove:
		s.old = nil
	}
	if d.publish && d.answer == nil {
		s.answers = append(s.answers, "null")
	} else if d.publish {
		s.answers = append(s.answers, string(d.answer))
	}
	if d.dead != nil {
		s.dead = append(s.dead, d.dead)
	}
}

func (s *story) document(value []byte, generation int, want string) {
	s.t.Helper()
	s.offset++
	raw := codec.Raw{Key: []byte(alice), Value: value, Offset: s.offset, Timestamp: time.UnixMilli(start),
		Headers: map[string][]byte{codec.HeaderGeneration: fmt.Append(nil, generation)}}
	s.apply(s.rules.document(alice, s.old, &raw), want)
}

func (s *story) wanted() { s.t.Helper(); s.document([]byte(`{}`), 1, outcomeWanted) }

func (s *story) result(r result, want string) {
	s.t.Helper()
	s.offset++
	raw := codec.Raw{Topic: topology.PollsTopic, Partition: 3, Key: []byte(alice), Value: r.append(nil), Offset: s.offset}
	s.apply(s.rules.polled(alice, s.old, &raw), want)
}

// polled is the result of the poll that is awaited.
func (s *story) polled(r result, want string) {
	s.t.Helper()
	r.Poll = s.poll
	if r.Time == 0 {
		r.Time = start
	}
	s.result(r, want)
}

func (s *story) published(want ...string) {
	s.t.Helper()
	if strings.Join(s.answers, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("published\n%s\nwant\n%s", strings.Join(s.answers, "\n"), strings.Join(want, "\n"))
	}
}

func answer(orders string) result {
	return result{Kind: kindAnswer, Status: 200, Customer: []byte(`{"Id":1,"Email":"` + alice + `"}`), Orders: []byte(orders)}
}

func published(orders string) string {
	r := answer(orders)
	return string(onlinestore.Answer{Status: 200, Customer: r.Customer, Orders: r.Orders}.Append(nil))
}

var (
	notFound = result{Kind: kindNotFound, Status: 404}
	failed   = result{Kind: kindFailed, Status: 500, Reason: "orders: status 500"}
	html     = result{Kind: kindBad, Status: 200, Reason: errNoObject.Error(), Customer: []byte("<html>")}
)

const gone = `{"status":404}`

func TestUnchangedAnswerWritesNothing(t *testing.T) {
	s := newStory(t)
	s.wanted()
	s.polled(answer(`[]`), outcomePublished)
	s.polled(answer(`[]`), outcomeUnchanged)
	s.polled(result{Kind: kindUnchanged, Status: 304}, outcomeUnchanged)
	s.polled(answer(`[{}]`), outcomePublished)
	s.document([]byte(`{"changed":1}`), 1, outcomeNone)
	s.published(published(`[]`), published(`[{}]`))
}

func TestOnlyDetails404Withdraws(t *testing.T) {
	t.Run("store_500_on_orders", func(t *testing.T) {
		s := newStory(t)
		s.wanted()
		s.polled(answer(`[{}]`), outcomePublished)
		s.polled(failed, outcomeFailed)
		s.published(published(`[{}]`))
		if len(s.dead) != 0 || s.old.Failures != 1 || !s.old.Published {
			t.Errorf("%d dead letters, entry %+v", len(s.dead), s.old)
		}
	})
	t.Run("store_404_then_back", func(t *testing.T) {
		s := newStory(t)
		s.wanted()
		s.polled(answer(`[]`), outcomePublished)
		s.polled(notFound, outcomePublished)
		s.polled(notFound, outcomeNotFound)
		s.polled(answer(`[]`), outcomePublished)
		s.published(published(`[]`), gone, published(`[]`))
	})
}

func TestUnwanted(t *testing.T) {
	t.Run("never answered", func(t *testing.T) {
		s := newStory(t)
		s.wanted()
		s.polled(failed, outcomeFailed)
		s.document(nil, 1, outcomeUnwanted)
		s.document(nil, 1, outcomeNone)
		s.published()
	})
	t.Run("a null once", func(t *testing.T) {
		s := newStory(t)
		s.wanted()
		s.polled(notFound, outcomePublished)
		s.document(nil, 1, outcomeUnwanted)
		s.document(nil, 1, outcomeNone)
		s.published(gone, "null")
	})
	t.Run("late_200_after_unwanted", func(t *testing.T) {
		s := newStory(t)
		s.wanted()
		late := s.poll
		s.document(nil, 1, outcomeUnwanted)
		r := answer(`[]`)
		r.Poll = late
		s.result(r, outcomeLate)
		s.wanted() // and back: what was asked before it went away does not count
		s.result(r, outcomeStale)
		s.polled(answer(`[{}]`), outcomePublished)
		s.published(published(`[{}]`))
	})
}

func TestDuplicateResultsChangeNothing(t *testing.T) {
	s := newStory(t)
	s.wanted()
	first := answer(`[1]`)
	first.Poll = s.poll
	s.polled(answer(`[2]`), outcomePublished)
	s.result(first, outcomeStale) // a former owner's answer to the same poll
	s.published(published(`[2]`))
}

func (f decoderFunc) Decode(raw *codec.Raw) (codec.Change, error)       { return f(raw) }
func (decoderFunc) Accept(state []byte, _ *codec.Change) ([]byte, bool) { return state, true }
func (decoderFunc) Fingerprint() string                                 { return "test" }

func TestDueTimes(t *testing.T) {
	s := newStory(t)
	s.wanted()
	if s.old.Due != start {
		t.Errorf("a new customer is due %d ms after the document", s.old.Due-start)
	}
	within := func(what string, least, most time.Duration) {
		t.Helper()
		if wait := time.Duration(s.old.Due-start) * time.Millisecond; wait < least || wait > most {
			t.Errorf("%s: due after %v, want %v to %v", what, wait, least, most)
		}
	}
	s.polled(failed, outcomeFailed)
	within("one failure", 500*time.Millisecond, time.Second)
	s.polled(failed, outcomeFailed)
	within("two failures", time.Second, 2*time.Second)
	later := failed
	later.RetryAt = start + 60_000
	s.polled(later, outcomeFailed)
	within("Retry-After", time.Minute, time.Minute)
	for range 20 {
		s.polled(failed, outcomeFailed)
	}
	within("many failures", 150*time.Second, 5*time.Minute)
	s.polled(answer(`[]`), outcomePublished)
	within("an answer", 450*time.Second, 1350*time.Second)
	s.polled(notFound, outcomePublished)
	within("a 404", 30*time.Minute, 90*time.Minute)
}

func TestGenerations(t *testing.T) {
	s := newStory(t)
	s.wanted()
	s.polled(answer(`[]`), outcomePublished)
	before := *s.old
	s.document([]byte(`{}`), 2, outcomeConfirmed)
	if s.old.Generation != 2 || s.old.Due != before.Due || s.old.Poll != before.Poll {
		t.Errorf("a rebuild changed more than the generation: %+v, before %+v", s.old, before)
	}
	s.document(nil, 1, outcomeNone) // a member that still runs the former one
	s.document(nil, 2, outcomeUnwanted)
	s.published(published(`[]`), "null")
}

func TestOrdersAreNotPolled(t *testing.T) {
	s := newStory(t)
	for _, key := range []string{"order::1", "no-email"} {
		if d := s.rules.document(key, nil, &codec.Raw{Value: []byte(`{}`)}); d.outcome != outcomeNone || d.table != tableKeep {
			t.Errorf("%s: %+v", key, d)
		}
	}
}
