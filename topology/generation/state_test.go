package generation

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"customer360/codec"
)

func stateOf(states ...string) State {
	s := State{Generations: map[int]Generation{}, KeyForms: map[string]string{}}
	for i, state := range states {
		s.Generations[i+1] = Generation{Number: i + 1, State: state}
	}
	return s
}

// Who may work on a generation, in each state of it and of its neighbour.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		states  []string
		number  int
		allowed map[Role]bool
	}{
		{[]string{Serving}, 1, map[Role]bool{Deliver: true, Derive: true}},
		{[]string{Serving, Building}, 1, map[Role]bool{Deliver: true, Derive: true}},
		{[]string{Serving, Building}, 2, map[Role]bool{Rebuild: true}},
		{[]string{Serving, Ready}, 1, map[Role]bool{Deliver: true, Derive: true}},
		{[]string{Serving, Ready}, 2, map[Role]bool{Rebuild: true}},
		{[]string{Serving, Promoting}, 1, map[Role]bool{Deliver: true}},
		{[]string{Serving, Promoting}, 2, nil},
		{[]string{Retired, Serving}, 1, nil},
		{[]string{Retired, Serving}, 2, map[Role]bool{Deliver: true, Derive: true}},
		{[]string{Serving, Abandoned}, 2, nil},
		{[]string{Serving, Abandoned, Promoting}, 1, map[Role]bool{Deliver: true}},
		{[]string{Removed, Serving}, 1, nil},
		{[]string{Serving}, 7, nil},
	} {
		for _, role := range []Role{Deliver, Derive, Rebuild} {
			err := stateOf(c.states...).Allowed(c.number, role)
			if (err == nil) != c.allowed[role] || err != nil && !errors.Is(err, ErrChanged) {
				t.Errorf("%v, number %d, role %d: %v", c.states, c.number, role, err)
			}
		}
	}
}

func TestLiveAndNext(t *testing.T) {
	for _, c := range []struct {
		states              []string
		live, next, current int
	}{
		{nil, 0, 0, 0},
		{[]string{Building}, 0, 0, 1}, // the first one: nobody rebuilds
		{[]string{Serving}, 1, 0, 1},
		{[]string{Serving, Abandoned, Building}, 1, 3, 1},
		{[]string{Retired, Removed, Serving, Ready}, 3, 4, 3},
		{[]string{Serving, Promoting}, 1, 2, 1},
	} {
		s := stateOf(c.states...)
		live, _ := s.Live()
		next, _ := s.Next()
		current, _ := s.Current()
		if live.Number != c.live || next.Number != c.next || current.Number != c.current {
			t.Errorf("%v: live %d, next %d, current %d", c.states, live.Number, next.Number, current.Number)
		}
	}
}

func TestParseOffsets(t *testing.T) {
	got, err := ParseOffsets("0=1200, 11=0")
	if err != nil || len(got) != 2 || got[0] != 1200 || got[11] != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "0", "0=", "=1", "-1=0", "0=-1", "0=1,0=2", "0=1,", "a=1", "0=1=2", "4294967296=1"} {
		if got, err := ParseOffsets(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestReplayInWords(t *testing.T) {
	for want, r := range map[string]Replay{
		"":                              {},
		"loyalty from offsets 0=1,2=30": {Source: codec.Loyalty, Offsets: map[int32]int64{2: 30, 0: 1}},
		"home_delivery from 2026-11-26T01:00:00Z": {Source: codec.HomeDelivery, Time: time.Date(2026, 11, 26, 2, 0, 0, 0, time.FixedZone("", 3600))},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What differs is named, and nothing else of a long list.
func TestDifferencesAreShort(t *testing.T) {
	g := Generation{Parts: map[string]string{"decoder": `d rules=1 table="a b" pass=keep`, "pass": "keep", "topic": "t, 4 partitions"}, Topics: map[string]string{"t": "1", "u": "2"}}
	got := differences(g, map[string]string{"decoder": `d rules=1 table="a b" pass=hash`, "pass": "hash", "topic": "t, 6 partitions"}, map[string]string{"t": "1", "u": "3", "v": "4"})
	want := []string{`decoder was "pass=keep" and is now "pass=hash"`, `pass was "keep" and is now "hash"`, `topic was "t, 4 partitions" and is now "t, 6 partitions"`,
		"topic u was deleted and created anew: its offsets mean other records now"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

// Each generation has a pin of its own; the first one's has no number.
func TestKeyFormPerGeneration(t *testing.T) {
	ctx, opts, _, _ := cluster(t)
	log := NewLog(opts)
	for number, form := range map[int]string{1: "bare", 2: "wrapped"} {
		if winner, err := log.Pin(number).SetKeyForm(ctx, "t", form); err != nil || winner != form {
			t.Errorf("%d: %q, %v", number, winner, err)
		}
	}
	s, err := log.Read(ctx)
	if err != nil || s.KeyForms["t"] != "bare" || s.KeyForms["g2/t"] != "wrapped" {
		t.Errorf("%v, %v", s.KeyForms, err)
	}
	if form, err := log.Pin(3).KeyForm(ctx, "t"); err != nil || form != "" {
		t.Errorf("a generation that has none: %q, %v", form, err)
	}
}
