package restpoll

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
)

func drawHash(t *rapid.T) codec.Hash {
	return codec.HashOf(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "hash"))
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry{
			Generation: rapid.IntRange(0, 9).Draw(t, "generation"), Poll: rapid.Uint64().Draw(t, "poll"),
			Due: rapid.Int64Range(0, 1<<60).Draw(t, "due"), Failures: rapid.IntRange(0, 99).Draw(t, "failures"),
			Status: rapid.IntRange(0, 599).Draw(t, "status"), Answered: rapid.Bool().Draw(t, "answered"),
			Published: rapid.Bool().Draw(t, "published"),
		}
		if e.Published {
			e.Answer = drawHash(t)
			if rapid.Bool().Draw(t, "topic") {
				e.Topic = drawHash(t)
			}
		}
		for range rapid.IntRange(0, maxBad).Draw(t, "bad") {
			e.Bad = append(e.Bad, drawHash(t))
		}
		e.BadLast = len(e.Bad) > 0 && rapid.Bool().Draw(t, "bad last")
		b := e.append(nil)
		var got entry
		if err := got.decode(b); err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, %v; want %+v", got, err, e)
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); got.decode(b[:cut]) == nil && len(e.Bad) == 0 {
			t.Fatalf("an entry cut to %d of %d bytes was taken", cut, len(b))
		}
	})
}

func TestEntryRemembersBadAnswers(t *testing.T) {
	var e entry
	hash := func(b byte) codec.Hash { return codec.HashOf([]byte{b}) }
	for b := range byte(maxBad + 1) {
		if !e.remember(hash(b)) {
			t.Errorf("bad answer %d was known before it came", b)
		}
	}
	old := e // shares the slice
	if e.remember(hash(maxBad)) || e.remember(hash(1)) {
		t.Error("a remembered answer counts as new")
	}
	if !e.lastBad(hash(1)) || e.lastBad(hash(2)) || !old.lastBad(hash(maxBad)) {
		t.Error("the last bad answer is another one")
	}
	if !e.remember(hash(0)) {
		t.Error("more answers are remembered than there is room for")
	}
}

func TestResultRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		r := result{
			Kind: kind(rapid.IntRange(1, int(maxKind)).Draw(t, "kind")), Poll: rapid.Uint64().Draw(t, "poll"),
			Time: rapid.Int64Range(0, 1<<60).Draw(t, "time"), Status: rapid.IntRange(0, 599).Draw(t, "status"),
			RetryAt: rapid.Int64Range(0, 1<<60).Draw(t, "retry"), Reason: text.Draw(t, "reason"),
			Tags:     tags{text.Draw(t, "details tag"), text.Draw(t, "orders tag"), text.Draw(t, "id")},
			Customer: rapid.SliceOf(rapid.Byte()).Draw(t, "customer"), Orders: rapid.SliceOf(rapid.Byte()).Draw(t, "orders"),
		}
		b := r.append(nil)
		var got result
		if err := got.decode(b); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, %v; want %+v", got, err, r)
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); got.decode(b[:cut]) == nil {
			t.Fatalf("a result cut to %d of %d bytes was taken", cut, len(b))
		}
		if got.decode(append(b, 0)) == nil {
			t.Fatal("a result with a byte too many was taken")
		}
	})
}

func FuzzDecodeResult(f *testing.F) {
	r := result{Kind: kindAnswer, Poll: 7, Time: 8, Status: 200, Customer: []byte(`{"Id":1}`), Orders: []byte(`[]`)}
	f.Add(r.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, again result
		if got.decode(b) == nil && (again.decode(got.append(nil)) != nil || !reflect.DeepEqual(got, again)) {
			t.Fatalf("%x decodes to a result that does not round-trip", b)
		}
	})
}

// What a bad answer is known by.
func TestContent(t *testing.T) {
	same := func(a, b result) bool { return a.content() == b.content() }
	html := result{Kind: kindBad, Reason: "r", Customer: []byte("<html>")}
	later := html
	later.Poll, later.Time = 9, 9
	if !same(html, later) {
		t.Error("the same answer at another time is another one")
	}
	other := html
	other.Customer = []byte("<html/>")
	if same(html, other) {
		t.Error("two answers are one")
	}
	if same(result{Kind: kindAnswer, Customer: []byte("ab"), Orders: []byte("c")}, result{Kind: kindAnswer, Customer: []byte("a"), Orders: []byte("bc")}) {
		t.Error("bodies flow into each other")
	}
	if !same(result{Kind: kindCut, Reason: "r", Customer: []byte("a")}, result{Kind: kindCut, Reason: "r", Customer: []byte("ab")}) {
		t.Error("an answer cut off later is another one: a flood of dead letters")
	}
}
