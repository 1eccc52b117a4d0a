package restpoll

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"customer360/codec"
	"customer360/topology"
)

func TestBadAnswers(t *testing.T) {
	other := answer(`[]`)
	other.Customer = []byte(`{"Id":2,"Email":"bob@example.com"}`)
	broken := answer(`[{"OrderId":1`)
	broken.Poll = 1
	inject := answer(`[]`)
	inject.Customer = []byte(`{"Id":1,"Email":"` + alice + `"},"orders":[1],"x":{}`) // the decoder would take the frame
	cut := result{Kind: kindCut, Status: 200, Reason: "orders: the body was cut off", Customer: []byte(`{"Id":1}`), Orders: []byte(`[{`)}
	for name, bad := range map[string]result{
		"html_instead_of_json": html, "answer_for_another_email": other, "truncated_body": broken, "connection cut": cut,
		"body that breaks out of the frame": inject, "orders that are no array": answer(`{"status":200}`),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.wanted()
			s.polled(answer(`[]`), outcomePublished)
			s.polled(bad, outcomeBad)
			s.polled(bad, outcomeBadAgain)
			s.published(published(`[]`)) // the last good one stays
			if len(s.dead) != 1 {
				t.Fatalf("%d dead letters, want 1", len(s.dead))
			}
			d := s.dead[0]
			if d.Stage != "restpoll" || d.Topic != topology.PollsTopic || d.Partition != 3 || d.Offset != 3 || string(d.Key) != alice || d.Reason == "" {
				t.Errorf("dead letter %+v", d)
			}
			var kept result
			if err := kept.decode(d.Value); err != nil || !bytes.Equal(kept.Customer, bad.Customer) || !bytes.Equal(kept.Orders, bad.Orders) {
				t.Errorf("the raw bytes are lost: %+v, %v", kept, err)
			}
			if strings.Contains(d.Reason, "alice") || s.old.Failures != 2 || s.old.Due <= start {
				t.Errorf("reason %q, entry %+v", d.Reason, s.old)
			}
			s.polled(answer(`[]`), outcomeUnchanged)
			if s.old.Failures != 0 {
				t.Error("a good answer does not end the failures")
			}
			s.polled(bad, outcomeBadAgain) // remembered beyond the good one
		})
	}
}

func TestFirstAnswerBad(t *testing.T) {
	s := newStory(t)
	s.wanted()
	s.polled(html, outcomeBad)
	if !s.old.Answered { // or `up --once` would wait for ever
		t.Error("the store has answered, however badly")
	}
	s.document(nil, 1, outcomeUnwanted)
	s.published()
}

func TestUnreadableRecord(t *testing.T) {
	s := newStory(t)
	for name, value := range map[string][]byte{"null": nil, "text": []byte("hello"), "huge": make([]byte, topology.MaxMessageBytes-100)} {
		d := s.rules.polled(alice, nil, &codec.Raw{Key: []byte(alice), Value: value, Headers: map[string][]byte{"h": []byte("v")}})
		if d.outcome != outcomeUnreadable || d.dead == nil || d.table != tableKeep || d.publish {
			t.Errorf("%s: %+v", name, d)
			continue
		}
		size := len(d.dead.Value)
		for k, v := range d.dead.KafkaHeaders() {
			size += len(k) + len(v)
		}
		if size > topology.MaxMessageBytes-1024 {
			t.Errorf("%s: a dead letter of %d bytes would stop the group", name, size)
		}
	}
}

func TestRetriedDeadLetter(t *testing.T) {
	refuse := true
	decoder := decoderFunc(func(*codec.Raw) (codec.Change, error) {
		if refuse {
			return codec.Change{}, errors.New("not yet")
		}
		return codec.Change{}, nil
	})
	s := newStory(t)
	s.rules.decoder = decoder
	s.wanted()
	bad := answer(`[1]`)
	bad.Poll = s.poll
	s.polled(answer(`[1]`), outcomeBad)
	s.result(bad, outcomeStillBroken)
	refuse = false
	due, poll := s.old.Due, s.old.Poll
	s.result(bad, outcomeReleased)
	if s.old.Due != due || s.old.Poll != poll {
		t.Error("a retried dead letter changes the rhythm")
	}
	s.result(bad, outcomeStale) // once
	s.polled(answer(`[2]`), outcomePublished)
	s.result(bad, outcomeStale) // its key has a newer record
	refuse = true
	s.polled(answer(`[1]`), outcomeBadAgain)
	refuse = false
	s.polled(answer(`[3]`), outcomePublished)
	s.result(bad, outcomeStale)
	s.published(published(`[1]`), published(`[2]`), published(`[3]`))
}

type decoderFunc func(*codec.Raw) (codec.Change, error)
