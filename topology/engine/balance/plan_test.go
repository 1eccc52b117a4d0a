package balance_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"customer360/topology/engine/balance"
)

// member with state of partitions up to offset; those in owned it worked on.
func member(name, host string, generation int32, offset int64, owned []int32, standby ...int32) balance.Candidate {
	m := balance.Member{Instance: name, Host: host, Generation: generation}
	for _, p := range owned {
		m.Held = append(m.Held, balance.Holding{Partition: p, Owned: true, Offset: offset})
	}
	for _, p := range standby {
		m.Held = append(m.Held, balance.Holding{Partition: p, Offset: offset})
	}
	return balance.Candidate{ID: "id-" + name, Member: m}
}

func ps(partitions ...int32) []int32 { return partitions }

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		members    []balance.Candidate
		partitions int32
		standbys   int
		want       map[string]balance.Assignment
	}{
		"one alone": {[]balance.Candidate{member("a", "h", 0, 0, nil)}, 3, 1, map[string]balance.Assignment{"id-a": {Owned: ps(0, 1, 2)}}},
		"nobody has anything": {[]balance.Candidate{member("b", "h", 0, 0, nil), member("a", "h", 0, 0, nil)}, 5, 1,
			map[string]balance.Assignment{"id-a": {ps(0, 1, 3), ps(2, 4)}, "id-b": {ps(2, 4), ps(0, 1, 3)}}},
		"the dead one's partitions go to their copies": {[]balance.Candidate{
			member("a", "h1", 7, 100, ps(0, 1), 4, 3), member("b", "h2", 7, 100, ps(2, 3), 5, 0)}, 6, 1,
			map[string]balance.Assignment{"id-a": {ps(0, 1, 4), ps(2, 3, 5)}, "id-b": {ps(2, 3, 5), ps(0, 1, 4)}}},
		"who comes back gets what it has state of": {[]balance.Candidate{
			member("a", "h1", 0, 90, nil, 1, 5), member("b", "h2", 7, 100, ps(0, 1, 2), 3, 4), member("c", "h3", 7, 100, ps(3, 4, 5), 0, 2)}, 6, 0,
			map[string]balance.Assignment{"id-a": {Owned: ps(1, 5)}, "id-b": {Owned: ps(0, 2)}, "id-c": {Owned: ps(3, 4)}}},
		"a zombie's claim is old": {[]balance.Candidate{member("a", "h", 5, 900, ps(0, 1)), member("b", "h", 6, 100, ps(0, 1))}, 2, 0,
			map[string]balance.Assignment{"id-a": {Owned: ps(0)}, "id-b": {Owned: ps(1)}}},
		"copies go to another host": {[]balance.Candidate{member("a", "x", 1, 9, ps(0), 2), member("b", "x", 1, 9, ps(1), 0), member("c", "y", 1, 9, ps(2), 1)}, 3, 2,
			map[string]balance.Assignment{"id-a": {ps(0), ps(1, 2)}, "id-b": {ps(1), ps(0, 2)}, "id-c": {ps(2), ps(0, 1)}}},
		"nonsense is not believed": {[]balance.Candidate{member("a", "", 3, 5, ps(-1, 99, 0, 0)), member("b", "", 3, 5, ps(0))}, 2, 1,
			map[string]balance.Assignment{"id-a": {ps(0), ps(1)}, "id-b": {ps(1), ps(0)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := balance.Plan(c.members, c.partitions, c.standbys); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// drawn are members with words that make sense or not.
func drawn(t *rapid.T, partitions int32) []balance.Candidate {
	members := make([]balance.Candidate, rapid.IntRange(1, 7).Draw(t, "members"))
	for i := range members {
		m := &members[i]
		m.ID, m.Instance = fmt.Sprintf("id-%d", i), fmt.Sprintf("i%d", rapid.IntRange(0, 5).Draw(t, "instance"))
		m.Host = fmt.Sprintf("h%d", rapid.IntRange(0, 2).Draw(t, "host"))
		m.Generation = rapid.Int32Range(0, 3).Draw(t, "generation")
		for range rapid.IntRange(0, 12).Draw(t, "held") {
			m.Held = append(m.Held, balance.Holding{Partition: rapid.Int32Range(-1, partitions).Draw(t, "p"),
				Owned: rapid.Bool().Draw(t, "owned"), Offset: rapid.Int64Range(-1, 5).Draw(t, "offset")})
		}
	}
	return members
}

// Whatever the members say: each partition has one owner, numbers differ by one
// at most, copies are with others than the owner and each other, as many as there
// can be, and the order of the members does not matter.
func TestPropertyPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions, standbys := rapid.Int32Range(0, 13).Draw(t, "partitions"), rapid.IntRange(-1, 3).Draw(t, "standbys")
		members := drawn(t, partitions)
		plan := balance.Plan(members, partitions, standbys)
		if again := balance.Plan(rapid.Permutation(members).Draw(t, "order"), partitions, standbys); !reflect.DeepEqual(plan, again) {
			t.Fatalf("the order of members changes the plan:\n%+v\n%+v", plan, again)
		}
		if len(plan) != len(members) {
			t.Fatalf("%d members have a part, of %d", len(plan), len(members))
		}
		owners, copies := map[int32]string{}, map[int32]int{}
		fewest, most := int(partitions)+1, 0
		for id, a := range plan {
			fewest, most = min(fewest, len(a.Owned)), max(most, len(a.Owned))
			for _, p := range a.Owned {
				if other, ok := owners[p]; ok || p < 0 || p >= partitions {
					t.Fatalf("partition %d has %s and %s", p, other, id)
				}
				owners[p] = id
			}
			for i, p := range a.Standby {
				if slices.Contains(a.Owned, p) || slices.Contains(a.Standby[:i], p) || p < 0 || p >= partitions {
					t.Fatalf("%s has a copy of %d: %+v", id, p, a)
				}
				copies[p]++
			}
		}
		if len(owners) != int(partitions) || most-fewest > 1 {
			t.Fatalf("%d of %d partitions have owners, members have %d to %d", len(owners), partitions, fewest, most)
		}
		for p := range partitions {
			if want := max(min(standbys, len(members)-1), 0); copies[p] != want {
				t.Fatalf("partition %d has %d copies, want %d", p, copies[p], want)
			}
		}
	})
}

// follow is what the members say after they have worked by a plan: each holds
// what it owned, what it copied, and what it has from before.
func follow(members []balance.Candidate, plan map[string]balance.Assignment, generation int32, offset int64) []balance.Candidate {
	next := make([]balance.Candidate, len(members))
	for i, m := range members {
		a := plan[m.ID]
		n := balance.Candidate{ID: m.ID, Member: balance.Member{Instance: m.Instance, Host: m.Host, Generation: generation}}
		for _, h := range m.Held {
			if !slices.Contains(a.Owned, h.Partition) && !slices.Contains(a.Standby, h.Partition) {
				n.Held = append(n.Held, balance.Holding{Partition: h.Partition, Offset: h.Offset})
			}
		}
		for _, p := range a.Owned {
			n.Held = append(n.Held, balance.Holding{Partition: p, Owned: true, Offset: offset})
		}
		for _, p := range a.Standby {
			n.Held = append(n.Held, balance.Holding{Partition: p, Offset: offset - 1})
		}
		next[i] = n
	}
	return next
}

// Over any series of joins and leaves: a rebalance without a change moves
// nothing, and one that a leave causes moves only what the one who left had; with
// copies, at least as much of it as the balance allows goes to a copy.
func TestPropertySticky(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions, standbys := rapid.Int32Range(1, 24).Draw(t, "partitions"), rapid.IntRange(0, 2).Draw(t, "standbys")
		members := []balance.Candidate{{ID: "m0", Member: balance.Member{Instance: "0", Host: "h0"}}}
		plan := balance.Plan(members, partitions, standbys)
		offset := int64(10)
		for step := 1; step < 8; step++ {
			members = follow(members, plan, int32(step), offset)
			offset += 10
			same := balance.Plan(members, partitions, standbys)
			for id, a := range plan {
				if !slices.Equal(a.Owned, same[id].Owned) {
					t.Fatalf("step %d: without a change %s has %v, before %v", step, id, same[id].Owned, a.Owned)
				}
			}
			before := plan
			if len(members) > 1 && rapid.Bool().Draw(t, "leave") {
				gone := rapid.IntRange(0, len(members)-1).Draw(t, "who")
				left := members[gone].ID
				members = slices.Delete(slices.Clone(members), gone, gone+1)
				plan = balance.Plan(members, partitions, standbys)
				toCopies := 0
				for _, m := range members {
					for _, p := range before[m.ID].Owned {
						if !slices.Contains(plan[m.ID].Owned, p) {
							t.Fatalf("step %d: %d left %s though %s left", step, p, m.ID, left)
						}
					}
					for _, p := range before[left].Owned {
						if slices.Contains(before[m.ID].Standby, p) && slices.Contains(plan[m.ID].Owned, p) {
							toCopies++
						}
					}
				}
				if standbys >= len(members) && toCopies != len(before[left].Owned) {
					t.Fatalf("step %d: all have copies, and %d of %d went to them", step, toCopies, len(before[left].Owned))
				}
			} else {
				id := fmt.Sprintf("m%d", step)
				members = append(slices.Clone(members), balance.Candidate{ID: id, Member: balance.Member{Instance: id, Host: "h" + id}})
				plan = balance.Plan(members, partitions, standbys)
				for _, m := range members[:len(members)-1] {
					if kept := overlap(before[m.ID].Owned, plan[m.ID].Owned); kept != len(plan[m.ID].Owned) {
						t.Fatalf("step %d: %s gets %d partitions that it did not have, as another one joins", step, m.ID, len(plan[m.ID].Owned)-kept)
					}
				}
			}
		}
	})
}

func overlap(a, b []int32) (n int) {
	for _, p := range a {
		if slices.Contains(b, p) {
			n++
		}
	}
	return n
}

// Three instances, twelve partitions, one copy each: whichever dies, all of its
// partitions go to their copies, and the work is even afterwards.
func TestCopiesSpreadOverTheOthers(t *testing.T) {
	members := []balance.Candidate{member("a", "h1", 0, 0, nil), member("b", "h2", 0, 0, nil), member("c", "h3", 0, 0, nil)}
	plan := balance.Plan(members, 12, 1)
	members = follow(members, plan, 1, 100)
	for gone := range members {
		rest := slices.Delete(slices.Clone(members), gone, gone+1)
		after := balance.Plan(rest, 12, 1)
		for _, m := range rest {
			if got := overlap(after[m.ID].Owned, plan[m.ID].Standby); got != 2 || len(after[m.ID].Owned) != 6 {
				t.Errorf("%s is gone: %s has %v, %d from its copies %v", members[gone].ID, m.ID, after[m.ID].Owned, got, plan[m.ID].Standby)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add(balance.Member{Instance: "a", Host: "h", Address: "h:1", Generation: 3, Held: []balance.Holding{{Partition: 1, Owned: true, Offset: 5}}}.Encode())
	f.Add(balance.Duty{Standby: []int32{1, 2}}.Encode())
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		balance.DecodeDuty(b)
		m, ok := balance.DecodeMember(b)
		if !ok {
			if !reflect.DeepEqual(m, balance.Member{}) {
				t.Errorf("refused, and yet %+v", m)
			}
			return
		}
		balance.Plan([]balance.Candidate{{ID: "x", Member: m}, {ID: "y"}}, 4, 1)
		if again, ok := balance.DecodeMember(m.Encode()); !ok || len(again.Held) != min(len(m.Held), 2048) {
			t.Errorf("%q: read back as %+v", b, again)
		}
	})
}
