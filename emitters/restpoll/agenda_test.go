package restpoll

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The agenda against a map that is searched from end to end.
func TestAgendaAgainstModel(t *testing.T) {
	type state struct {
		plan
		flight bool
	}
	rapid.Check(t, func(t *rapid.T) {
		a := newAgenda(context.Background(), time.Now(), 0)
		defer a.cancel()
		model := map[string]*state{}
		key := func() string { return strconv.Itoa(rapid.IntRange(0, 20).Draw(t, "key")) }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k := key()
				p := plan{due: rapid.Int64Range(0, 50).Draw(t, "due"), poll: uint64(rapid.IntRange(0, 2).Draw(t, "poll")),
					answered: rapid.Bool().Draw(t, "answered"), parked: rapid.Bool().Draw(t, "parked")}
				if rapid.Bool().Draw(t, "tagged") {
					p.tags = &tags{}
				}
				a.put(k, p)
				if m := model[k]; m != nil && m.flight && m.poll == p.poll && !p.parked {
					return
				}
				model[k] = &state{plan: p}
			},
			"remove": func(*rapid.T) { k := key(); a.remove(k); delete(model, k) },
			"again": func(t *rapid.T) {
				k, poll := key(), uint64(rapid.IntRange(0, 2).Draw(t, "poll"))
				a.again(k, poll, 7)
				if m := model[k]; m != nil && m.flight && m.poll == poll {
					m.flight, m.due = false, 7
				}
			},
			"start": func(t *rapid.T) {
				p := place(rapid.IntRange(0, 1).Draw(t, "heap"))
				if _, ok := a.next(p); ok {
					model[a.start(p).key].flight = true
				}
			},
			"": func(t *rapid.T) {
				answered, parked, tagged := 0, 0, 0
				least := map[place]int64{}
				for k, m := range model {
					answered, parked, tagged = answered+btoi(m.answered), parked+btoi(m.parked), tagged+btoi(m.tags != nil)
					p := placeRepeat
					if !m.answered {
						p = placeFirst
					}
					if due, ok := least[p]; !m.flight && !m.parked && (!ok || m.due < due) {
						least[p] = m.due
					}
					if a.items[a.index[k]].key != k {
						t.Fatalf("%s is lost", k)
					}
				}
				if len(a.index) != len(model) || a.answered != answered || a.parked != parked || a.tagged != tagged {
					t.Fatalf("%d wanted, %d answered, %d parked, %d tagged; want %d, %d, %d, %d",
						len(a.index), a.answered, a.parked, a.tagged, len(model), answered, parked, tagged)
				}
				for p := placeFirst; p <= placeRepeat; p++ {
					for i, n := range a.heaps[p] {
						if int(a.items[n].slot) != i || i > 0 && a.less(a.heaps[p], i, (i-1)/2) {
							t.Fatalf("heap %d is out of order at %d", p, i)
						}
					}
					it, ok := a.next(p)
					due, want := least[p]
					if ok != want || ok && it.due != due {
						t.Fatalf("next of heap %d: %v %+v, want %v %d", p, ok, it, want, due)
					}
				}
			},
		})
	})
}

// What fills a removed item's place may belong above it.
func TestRemovalMovesUp(t *testing.T) {
	a := newAgenda(context.Background(), time.Now(), 0)
	defer a.cancel()
	for _, due := range []int64{1, 10, 2, 11, 12, 3, 4} {
		a.put(strconv.FormatInt(due, 10), plan{due: due})
	}
	a.remove("11")
	h := a.heaps[placeFirst]
	for i := 1; i < len(h); i++ {
		if a.less(h, i, (i-1)/2) {
			t.Errorf("out of order at %d", i)
		}
	}
}

// A million emails must fit; their number is taken down for the race detector.
func TestAgendaMemory(t *testing.T) {
	const emails = 100_000
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools and finalizers of other tests held
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := live()
	a := newAgenda(context.Background(), time.Now(), 0)
	defer a.cancel()
	for i := range emails {
		a.put(fmt.Sprintf("customer.number.%07d@example.com", i), plan{due: int64(i), answered: i%2 == 0})
	}
	each := (live() - before) / emails
	t.Logf("%.0f bytes an email", each)
	if each > 250 {
		t.Errorf("%.0f bytes an email", each)
	}
	runtime.KeepAlive(a)
}
