package couchbase

import "testing"

func TestPlan(t *testing.T) {
	fenced := func(p presence, g, o int64) state {
		return state{presence: p, fenced: true, fence: Fence{g, o}, cas: 7}
	}
	none := func(p presence) state { return state{presence: p, cas: 7} }
	binary := func(s state) state { s.binary = true; return s }
	body := []byte(`{"type":"user"}`)
	keeps, reserves := rules{keepForeign: true}, rules{reserve: true}
	for _, c := range []struct {
		name string
		s    state
		g, o int64
		body []byte
		r    rules
		want step
	}{
		{"first write", state{}, 1, 5, body, rules{}, insert},
		{"first write, keep", state{}, 1, 5, body, keeps, insert},
		{"first write, reserve", state{}, 1, 5, body, reserves, reserve},
		{"first write, not to be put together", state{}, 1, 5, []byte("[1]"), rules{}, reserve},
		{"removal of what never was", state{}, 1, 5, nil, rules{}, createDeleted},
		{"removal of what never was, reserve", state{}, 1, 5, nil, reserves, createDeleted},
		{"newer write", fenced(live, 1, 4), 1, 5, body, rules{}, replace},
		{"the same again", fenced(live, 1, 5), 1, 5, body, rules{}, alreadyDone},
		{"older write", fenced(live, 1, 6), 1, 5, body, rules{}, stale},
		{"older by number, not by text", fenced(live, 1, 10), 1, 9, body, rules{}, stale},
		{"newer by number, not by text", fenced(live, 1, 9), 1, 10, body, rules{}, replace},
		{"next generation, smaller offset", fenced(live, 1, 100), 2, 0, body, rules{}, replace},
		{"generation before, greater offset", fenced(live, 2, 0), 1, 100, body, rules{}, stale},
		{"removal", fenced(live, 1, 4), 1, 5, nil, rules{}, remove},
		{"removal again", fenced(tombstone, 1, 5), 1, 5, nil, rules{}, alreadyDone},
		{"late removal", fenced(live, 1, 6), 1, 5, nil, rules{}, stale},
		{"newer removal of a removed one", fenced(tombstone, 1, 4), 1, 5, nil, rules{}, raise},
		{"write over a tombstone", fenced(tombstone, 1, 4), 1, 5, body, rules{}, revive},
		{"removal before a late write", fenced(tombstone, 1, 110), 1, 105, body, rules{}, stale},
		{"reserved", fenced(tombstone, 0, 0), 1, 0, body, reserves, revive},
		{"revived", fenced(live, 1, 4), 1, 5, body, keeps, replace},
		{"foreign, overwrite", none(live), 1, 5, body, rules{}, replace},
		{"foreign, keep", none(live), 1, 5, body, keeps, keep},
		{"foreign, removal", none(live), 1, 5, nil, rules{}, remove},
		{"foreign, keep from removal", none(live), 1, 5, nil, keeps, keep},
		{"ours, keep", fenced(live, 1, 4), 1, 5, body, keeps, replace},
		{"somebody's tombstone", none(tombstone), 1, 5, body, keeps, revive},
		{"somebody's tombstone, removal", none(tombstone), 1, 5, nil, keeps, raise},
		{"binary, overwrite", binary(none(live)), 1, 5, body, rules{}, retype},
		{"binary, keep", binary(none(live)), 1, 5, body, keeps, keep},
		{"binary, removal", binary(none(live)), 1, 5, nil, rules{}, remove},
		{"ours, made binary", binary(fenced(live, 1, 4)), 1, 5, body, keeps, retype},
		{"ours, made binary, the same again", binary(fenced(live, 1, 5)), 1, 5, body, keeps, alreadyDone},
		{"tombstone of a binary one", binary(fenced(tombstone, 1, 4)), 1, 5, body, rules{}, revive},
	} {
		m := mutation{fence: Fence{c.g, c.o}, body: c.body}
		got := plan(c.s, m, c.r)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if !got.writes() {
			continue
		}
		next := after(got, c.s, carries(got, c.s, m), 8)
		for range 2 { // a binary tombstone takes two
			if !got.prepares() {
				break
			}
			if next.fenced != c.s.fenced && got == retype || next.fence.Compare(c.s.fence) != 0 {
				t.Errorf("%s: prepares by %+v", c.name, next)
			}
			got = plan(next, m, c.r)
			next = after(got, next, carries(got, next, m), 8)
		}
		if plan(next, m, c.r) != alreadyDone || next.cas != 8 || (next.presence == live) != (c.body != nil) || next.binary && c.body != nil {
			t.Errorf("%s: leaves %+v", c.name, next)
		}
	}
}
