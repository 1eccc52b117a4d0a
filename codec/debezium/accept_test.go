package debezium

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"customer360/codec"
)

// step delivers one record of row 1: op, place, email, whether it counts, and
// the email that the row has then. "." stands for none.
func step(t *testing.T, b *table, line string) {
	t.Helper()
	f := strings.Fields(line)
	if len(f) != 5 {
		t.Fatalf("%q: op place email verdict result", line)
	}
	value := ""
	email := strings.ReplaceAll(f[2], ".", "")
	if email != "" {
		email += "@x"
	}
	switch {
	case f[0] == "null":
	case f[0] == "flat":
		value = fmt.Sprintf(`{"id":1,"email":%q,"__deleted":"%t"}`, email, email == "")
	case f[0] == "r", f[0] == "snapshot": // 0.9 snapshots as c
		value = envelope(map[string]string{"r": "r", "snapshot": "c"}[f[0]], strings.Replace(at(f[1]), `"false"`, `"true"`, 1), email)
	default:
		value = envelope(f[0], at(f[1]), email)
	}
	accepted, err := b.apply(record(key1, value))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if verdict := map[bool]string{true: "+", false: "-"}[accepted]; verdict != f[3] {
		t.Errorf("%q: %s", line, verdict)
	}
	result := "."
	for _, a := range b.asserted[key1] {
		result = strings.TrimSuffix(a.Key, "@x")
	}
	if result != f[4] {
		t.Errorf("%q: the row has %s", line, result)
	}
}

// TestAccept is cases 2, 5, 7 and 8 for one row.
func TestAccept(t *testing.T) {
	for name, script := range map[string]string{
		"life": `
			r 0/1:100:0 a + a
			u 5/1:200:0 b + b
			u 5/1:300:0 c + c
			d 5/1:400:0 . + .
			null . . + .
			c 5/1:500:0 d + d`,
		"a replayed suffix": `
			u 5/1:200:0 a + a
			u 5/1:300:0 b + b
			u 5/1:200:0 a - b
			u 5/1:300:0 b + b`,
		"delete_reinsert_replayed": `
			c 5/1:100:0 a + a
			d 5/1:200:0 . + .
			null . . + .
			c 5/1:300:0 b + b
			d 5/1:200:0 . - b
			null . . - b
			c 5/1:300:0 b + b`,
		"RESET MASTER, and a row that was gone comes back": `
			c 5/7:500:0@10 a + a
			d 5/7:600:0@20 . + .
			null . . + .
			u 5/1:90:0@30 b - .
			c 5/1:100:0@30 b + b
			u 5/1:200:0@40 c + c
			u 5/1:150:0@50 d - c
			d 5/1:300:0@60 . + .`,
		"a replayed c of a row that is gone": `
			c 5/7:500:0@10 a + a
			d 5/7:600:0@20 . + .
			null . . + .
			c 5/7:500:0@10 a - .
			c 5/7:500:0@20 a - .
			c 5/7:500:0 a - .
			c 5/7:500:0@"later" a - .`,
		"gone by a tombstone alone": `
			u 5/7:500:0@10 a + a
			c 5/1:100:0@20 b - a
			null . . + .
			c 5/1:100:0@20 b + b
			c 5/1:50:0@30 b - b`,
		"gone at an unknown time": `
			d 5/7:600:0 . + .
			c 5/1:100:0@20 b - .`,
		"gone, and created on a server that was left": `
			u 5/7:500:0@10 a + a
			d 6/1:100:0@20 . + .
			c 5/7:600:0@30 b - .`,
		"tombstone_only": `
			c 5/1:100:0 a + a
			null . . + .`,
		"a tombstone first of all": `
			null . . + .
			c 5/1:100:0 a + a`,
		"a tombstone after a refused d and an accepted u": `
			u 5/1:300:0 a + a
			d 5/1:200:0 . - a
			u 5/1:400:0 b + b
			null . . + .`,
		"a tombstone after a refused d and a refused u": `
			u 5/1:300:0 a + a
			d 5/1:200:0 . - a
			u 5/1:250:0 b - a
			null . . + .`,
		"two tombstones after a refused d": `
			u 5/1:300:0 a + a
			d 5/1:200:0 . - a
			null . . - a
			null . . + .`,
		"tombstones off": `
			c 5/1:100:0 a + a
			d 5/1:200:0 . + .
			c 5/1:300:0 b + b
			d 5/1:200:0 . - b
			u 5/1:400:0 c + c`,
		"c beats d at one place": `
			c 5/1:100:0 a + a
			d 5/1:100:0 . - a
			null . . - a`,
		"d before c at one place": `
			u 5/1:50:0 x + x
			d 5/1:100:0 . + .
			null . . + .
			c 5/1:100:0 a + a`,
		"d beats u at one place": `
			u 5/1:100:0 a + a
			d 5/1:100:0 . + .`,
		"a streamed d beats the snapshot at its place": `
			r 5/1:100:0 a + a
			d 5/1:100:0 . + .`,
		"a streamed d beats a snapshot of 0.9 at its place": `
			u 5/1:50:0 x + x
			snapshot 0/1:100:0 a + a
			d 5/1:100:0 . + .`,
		"a snapshot of 0.9 counts whatever its place": `
			u 5/9:100:0 a + a
			snapshot 5/1:100:0 b + b`,
		"a full re-read": `
			r 0/1:100:0 a + a
			u 5/1:200:0 b + b
			u 5/2:10:0 c + c
			r 0/1:100:0 a + a
			u 5/1:200:0 b + b
			u 5/2:10:0 c + c`,
		"a multi-row event": `
			u 5/1:200:3 a + a
			u 5/1:200:4 b + b
			u 5/1:200:3 a - b`,
		"one row twice in a transaction": `
			u 5/1:200:0 a + a
			u 5/1:260:0 b + b`,
		"rotation": `
			u 5/9:900:0 a + a
			u 5/10:4:0 b + b
			u 5/9:999:0 a - b`,
		"rotation past six digits": `
			u 5/999999:900:0 a + a
			u 5/1000000:4:0 b + b
			u 5/999999:950:0 a - b`,
		"failover_lower_binlog": `
			u 5/9:900:0 a + a
			u 6/1:100:0 b + b
			u 5/9:950:0 c - b
			d 5/9:960:0 . - b
			null . . - b
			u 6/1:90:0 d - b
			u 6/1:100:0 b + b`,
		"failover of a row that only a snapshot has": `
			r 0/9:900:0 a + a
			u 6/1:100:0 b + b
			u 6/1:90:0 c - b`,
		"failing over and back": `
			u 5/9:900:0 a + a
			u 6/1:100:0 b + b
			u 7/1:1:0 c + c
			u 6/1:200:0 d - c
			u 5/9:990:0 d - c
			r 0/10:5:0 e + e
			u 5/10:6:0 f + f
			u 7/1:2:0 g - f`,
		"reset_master_resnapshot": `
			u 5/9:900:0 a + a
			r 0/1:100:0 b + b
			u 5/1:200:0 c + c
			u 5/1:150:0 d - c`,
		"the snapshot leaves the server alone": `
			u 5/1:900:0 a + a
			r 0/2:100:0 b + b
			u 5/1:950:0 c - b`,
		"a server that is not told": `
			u 5/1:900:0 a + a
			u 0/1:800:0 b - a
			u 0/1:900:0 b + b
			u 5/1:901:0 c + c`,
		"flat rows follow the log": `
			flat . a + a
			flat . . + .
			null . . + .
			flat . b + b`,
		"flat rows between envelopes": `
			u 5/1:900:0 a + a
			flat . b + b
			u 5/1:800:0 c - b
			d 5/1:800:0 . - b
			flat . c + c
			null . . + .`,
		"positions of 0 tell the files apart": `
			u 5/2:0:0 a + a
			u 5/1:0:0 b - a
			u 5/2:0:0 c + c
			u 5/3:0:0 d + d`,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			b := newTable(newDecoder(t, nil))
			for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
				step(t, b, line)
			}
		})
	}
}

func TestEpoch(t *testing.T) {
	var state []byte
	for i, s := range []struct {
		epoch    int64
		op, at   string
		accepted bool
	}{
		{0, "u", "5/9:900:0", true}, {0, "u", "6/1:100:0", true}, {0, "u", "5/9:950:0", false},
		{1, "u", "5/2:10:0", true}, {0, "u", "6/9:999:0", false}, {0, "r", "0/9:999:0", false}, {1, "u", "5/2:9:0", false}, {1, "u", "6/1:1:0", true},
	} {
		d := newDecoder(t, func(c *Config) { c.Epoch = s.epoch })
		c := decode1(t, d, envelope(s.op, at(s.at), "a@x"))
		var accepted bool
		if state, accepted = d.Accept(state, &c); accepted != s.accepted {
			t.Errorf("step %d: accepted %t", i, accepted)
		}
	}
}

// TestAcceptIsPure holds Accept to leaving its arguments alone and to states
// that round-trip, also those that are not its own.
func TestAcceptIsPure(t *testing.T) {
	d := newDecoder(t, nil)
	c := decode1(t, d, envelope("u", at("6/1:100:0"), "a@x"))
	first := decode1(t, d, envelope("u", at("5/9:100:0"), "a@x"))
	state, _ := d.Accept(nil, &first)
	stateBefore, positionBefore := bytes.Clone(state), bytes.Clone(c.Position)
	a, _ := d.Accept(state, &c)
	b, _ := d.Accept(state, &c)
	if !bytes.Equal(a, b) || !bytes.Equal(state, stateBefore) || !bytes.Equal(c.Position, positionBefore) {
		t.Error("Accept is not pure")
	}
	if _, accepted := d.Accept([]byte{0xff, 0xff, 0xff}, &c); !accepted {
		t.Error("a state that cannot be read: want as if there was none")
	}
	if next, accepted := d.Accept(state, &codec.Change{Position: []byte{1, 2}}); accepted || !bytes.Equal(next, state) {
		t.Error("a position that cannot be read was accepted")
	}
}

func TestServersLeftAreBounded(t *testing.T) {
	b := newTable(newDecoder(t, nil))
	for server := 1; server <= 3*maxLeft; server++ {
		if accepted, err := b.apply(record(key1, envelope("u", at(fmt.Sprintf("%d/1:1:0", server)), "a@x"))); err != nil || !accepted {
			t.Fatal(server, err)
		}
	}
	if n := len(b.states[key1]); n > 2*maxLeft+16 {
		t.Errorf("the state has %d bytes", n)
	}
	step(t, b, fmt.Sprintf("u %d/1:2:0 b - a", 3*maxLeft-1))
}
