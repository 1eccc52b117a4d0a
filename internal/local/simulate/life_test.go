package simulate

import (
	"fmt"
	"slices"
	"testing"
)

// digest is everything that is true in a world.
func digest(w *World) string {
	var out []byte
	for row := range w.ExpectRows() {
		out = fmt.Appendln(out, row)
	}
	for m := range w.ExpectMembers() {
		out = fmt.Appendln(out, m)
	}
	for c, orders := range w.ExpectStore() {
		out = fmt.Appendln(out, c, orders)
	}
	return string(out)
}

func TestEqualStepsMakeEqualWorlds(t *testing.T) {
	a, b := newWorld(t, nil), newWorld(t, nil)
	for step := range int64(3000) {
		a.happen(step + 1)
		b.happen(step + 1)
		if step%300 == 0 {
			a.loyalty.sleep()
			b.loyalty.sleep()
		}
	}
	if digest(a) != digest(b) {
		t.Error("two worlds of one seed differ after the same steps and nights")
	}
	other := newWorld(t, func(c *Config) { c.Seed = 2 })
	if digest(a) == digest(other) {
		t.Error("another seed makes the same world")
	}
}

func TestHomeDeliveryStaysATable(t *testing.T) {
	w := newWorld(t, nil)
	seen := map[string]int{}
	table := map[int64]Row{}
	for row := range w.ExpectRows() {
		table[row.ID] = row
	}
	for step := range int64(20000) {
		for _, c := range w.happen(step + 1) {
			if c.before != nil && table[c.before.ID] != *c.before {
				t.Fatalf("step %d: a before image of row %d that was not there", step, c.before.ID)
			}
			kind := string(c.op)
			switch {
			case c.newKey != nil:
				kind = "key change"
			case c.row == 1:
				kind = "swap"
			case c.op == 'u' && normalise(c.before.Email) != normalise(c.after.Email):
				kind = "email change"
			}
			seen[kind]++
			if c.op == 'd' {
				delete(table, c.before.ID)
				continue
			}
			if _, exists := table[c.after.ID]; exists != (c.op == 'u') {
				t.Fatalf("step %d: op %c of row %d, which is there: %v", step, c.op, c.after.ID, exists)
			}
			table[c.after.ID] = *c.after
		}
	}
	emails := map[string]int64{}
	rows := int64(0)
	for row := range w.ExpectRows() {
		rows++
		if table[row.ID] != row {
			t.Fatalf("row %d is not what its events say", row.ID)
		}
		if other, ok := emails[normalise(row.Email)]; ok {
			t.Fatalf("rows %d and %d have one address", other, row.ID)
		}
		emails[normalise(row.Email)] = row.ID
	}
	if rows != int64(len(table)) || rows != w.home.live {
		t.Errorf("%d rows, %d by the events, %d counted", rows, len(table), w.home.live)
	}
	for _, kind := range []string{"c", "u", "d", "key change", "swap", "email change"} {
		if seen[kind] < 100 {
			t.Errorf("%q happened %d times in 20000 steps", kind, seen[kind])
		}
	}
	if table[matthewRow] != w.home.p.matthew.Row {
		t.Error("something happened to Matthew")
	}
}

func TestNightsChangeAFewMembers(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Customers = 3000 })
	var before []Member
	for night := range 10 {
		w.loyalty.sleep()
		now := slices.Collect(w.ExpectMembers())
		if night > 0 {
			was := map[int64]Member{}
			for _, m := range before {
				was[m.ID] = m
			}
			joined, points := 0, 0
			for _, m := range now {
				old, ok := was[m.ID]
				if !ok {
					joined++
				} else if old.Points != m.Points {
					points++
				}
				delete(was, m.ID)
			}
			if share := float64(points) / float64(len(now)); share < 0.05 || share > 0.5 {
				t.Errorf("night %d: points of %.0f%% of the members change", night+1, 100*share)
			}
			if left := len(was); joined+left > 20 {
				t.Errorf("night %d: %d joined, %d left: not a few", night+1, joined, left)
			}
		}
		if k := slices.IndexFunc(now, func(m Member) bool { return m.ID == matthewIn27 }); k < 0 || now[k] != w.home.p.matthew.Member {
			t.Fatalf("night %d: something happened to Matthew", night+1)
		}
		before = now
	}
	emails := map[string]int64{}
	for _, m := range before {
		if other, ok := emails[normalise(m.Email)]; ok {
			t.Fatalf("members %d and %d have one address", other, m.ID)
		}
		emails[normalise(m.Email)] = m.ID
	}
	if len(w.loyalty.changed) < 5 {
		t.Errorf("%d members joined or left in ten nights", len(w.loyalty.changed))
	}
}

func TestMatthewAloneHasALife(t *testing.T) {
	for _, n := range []int{0, 1} {
		w := newWorld(t, func(c *Config) { c.Customers = n })
		if got := slices.Collect(w.ExpectRows()); len(got) != 1 || got[0] != w.home.p.matthew.Row {
			t.Errorf("customers=%d: %d rows at first", n, len(got))
		}
		for step := range int64(500) {
			w.happen(step + 1)
		}
		for range 20 {
			w.loyalty.sleep()
		}
		if got := slices.Collect(w.ExpectRows()); len(got) < 2 {
			t.Errorf("customers=%d: nobody came in 500 steps", n)
		}
		if answer := get(w, "/getOrdersByCustomerId?customerId=1"); answer.Body.Len() < 500 {
			t.Errorf("customers=%d: Matthew's orders are %s", n, answer.Body)
		}
	}
}

func TestNothingHappensToMatthew(t *testing.T) {
	// Six people, four of them to choose from.
	w := newWorld(t, func(c *Config) { c.Customers = 6 })
	for step := range int64(5000) {
		w.happen(step + 1)
	}
	for range 200 {
		w.loyalty.sleep()
	}
	matthew := w.home.p.matthew
	if row, ok := w.home.row(matthewRow); !ok || row != matthew.Row {
		t.Error("his row changed")
	}
	if m, ok := w.loyalty.member(matthewIn27); !ok || m != matthew.Member {
		t.Error("his membership changed")
	}
	if c, ok := w.shop.customer(1); !ok || c != matthew.Customer || len(w.shop.ordersOf(1)) != 2 {
		t.Error("the store's customer 1 changed")
	}
}
