package loyalty

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
)

// TestAccept has one member's records: the file's position or none, and
// whether it counts.
func TestAccept(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	var state []byte
	for i, s := range []struct {
		p        Position
		null     bool
		accepted bool
	}{
		{position(100, 5, 'b'), false, true},
		{position(100, 5, 'b'), false, false}, // the same file again
		{position(100, 4, 'b'), false, false}, // an id that was there twice: the later row counts
		{position(100, 6, 'b'), false, true},
		{position(99, 9, 'f'), false, false}, // csv_older_after_newer
		{position(99, 9, 'f'), true, false},
		{position(100, 9, 'a'), false, false}, // two files of one time: the hash decides
		{position(100, 1, 'c'), false, true},
		{position(200, 7, 'b'), true, true},  // csv_absent
		{position(300, 5, 'b'), false, true}, // csv_A_B_A: back the night after, with the first content
		{Position{}, true, true},             // an operator's null
		{position(300, 5, 'b'), false, false},
		{Position{}, false, true}, // somebody's script
		{position(299, 5, 'b'), false, false},
		{position(-5, 1, 'b'), false, false}, // before 1970
		{position(301, 1, 'a'), false, true},
	} {
		value, headers := `{"email":"a@x"}`, s.p.Headers()
		if s.null {
			value = ""
		}
		if s.p == (Position{}) {
			headers = nil
		}
		c, err := d.Decode(member(value, headers))
		if err != nil {
			t.Fatal(err)
		}
		before := string(state)
		next, accepted := d.Accept(state, &c)
		if accepted != s.accepted || !accepted && string(next) != before {
			t.Errorf("step %d: accepted %t", i, accepted)
		}
		state = next
	}
}

func TestPositions(t *testing.T) {
	p := Position{MTime: 1795423842719123456, Hash: strings.Repeat("0123456789abcdef", 4), Row: 1_000_000}
	headers := p.Headers()
	if got := string(headers[codec.HeaderFileTime]) + " " + string(headers[codec.HeaderFileRow]); got != "1795423842719123456 1000000" || len(headers) != 3 {
		t.Errorf("headers %s", headers)
	}
	d := newDecoder(t, codec.PassKeep)
	for name, bad := range map[string]string{
		codec.HeaderFileTime: "", codec.HeaderFileRow: "0", codec.HeaderFileHash: strings.Repeat("A", 64),
	} {
		for _, value := range []string{bad, "secret", "1.5", "99999999999999999999"} {
			headers := p.Headers()
			headers[name] = []byte(value)
			if _, err := d.Decode(member("", headers)); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
		headers := p.Headers()
		delete(headers, name)
		if _, err := d.Decode(member("", headers)); err == nil {
			t.Errorf("taken without %s", name)
		}
	}
}

func drawPosition(t *rapid.T, label string) Position {
	return Position{MTime: rapid.Int64().Draw(t, label), Row: rapid.Int64Range(1, 1<<62).Draw(t, label),
		Hash: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, label)}
}

func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawPosition(t, "p"), drawPosition(t, "q")
		if got, err := ParsePosition(p.Headers()); err != nil || got != p {
			t.Fatalf("headers: %+v, %v; want %+v", got, err, p)
		}
		if got, ok := decodePosition(p.encode()); !ok || got != p {
			t.Fatalf("encoding: %+v, want %+v", got, p)
		}
		if p.Compare(q) != -q.Compare(p) || p.Compare(p) != 0 {
			t.Fatal("no order")
		}
	})
}

// TestAnyDeliveryEndsAlike: whatever order files arrive in, and however often,
// the newest decides.
func TestAnyDeliveryEndsAlike(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	rapid.Check(t, func(t *rapid.T) {
		files := rapid.SliceOfNDistinct(rapid.Int64Range(1, 9), 1, 6, func(n int64) int64 { return n }).Draw(t, "files")
		files = append(files, rapid.SliceOfN(rapid.SampledFrom(files), 0, 6).Draw(t, "again")...)
		files = rapid.Permutation(files).Draw(t, "order")
		var state []byte
		var last codec.Change
		for _, n := range files {
			c, err := d.Decode(member(`{"email":"a`+string(rune('0'+n))+`@x"}`, position(n/2, n, 'a'+byte(n%2)).Headers()))
			if err != nil {
				t.Fatal(err)
			}
			var accepted bool
			if state, accepted = d.Accept(state, &c); accepted {
				last = c
			}
		}
		if want := "a" + string(rune('0'+slices.Max(files))) + "@x"; last.Assertions[0].Key != want {
			t.Fatalf("%s, want %s", last.Assertions[0].Key, want)
		}
	})
}
