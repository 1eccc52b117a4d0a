package balance

import (
	"cmp"
	"slices"
	"strings"
)

// Candidate is a member of the group with its words.
type Candidate struct {
	ID string // Kafka's member id
	Member
}

// Assignment is one member's part of a plan, both in ascending order.
type Assignment struct {
	Owned, Standby []int32
}

// none stands for no member.
const none = -1

// plan is a Plan in the making. Members are indices into it.
type plan struct {
	members []Candidate
	n       int                 // partitions
	former  []int               // by partition: who worked on it last, or none
	state   []map[int32]Holding // by member: partitions that it has state of
	target  []int               // by member: how many partitions it gets
	owner   []int               // by partition
}

// Plan gives each of the partitions 0 to n-1 an owner, and standby copies to as
// many further members. The result has every member, by its id.
func Plan(members []Candidate, partitions int32, standbys int) map[string]Assignment {
	p := &plan{members: slices.Clone(members), n: max(int(partitions), 0)}
	slices.SortFunc(p.members, func(a, b Candidate) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), strings.Compare(a.ID, b.ID))
	})
	result := make(map[string]Assignment, len(members))
	if len(members) == 0 {
		return result
	}
	p.read()
	p.share()
	p.assign()
	owned := make([]Assignment, len(p.members))
	for partition, m := range p.owner {
		owned[m].Owned = append(owned[m].Owned, int32(partition))
	}
	for m, standby := range p.standbys(standbys) {
		owned[m].Standby = standby
	}
	for m, c := range p.members {
		result[c.ID] = owned[m]
	}
	return result
}

// read takes over what the members say. Who was not in the newest generation
// that anybody was in has been away, and others own since then what it owned: that
// is state, but no claim.
func (p *plan) read() {
	newest := int32(0)
	for _, m := range p.members {
		newest = max(newest, m.Generation)
	}
	p.former = slices.Repeat([]int{none}, p.n)
	p.state = make([]map[int32]Holding, len(p.members))
	for i, m := range p.members {
		p.state[i] = map[int32]Holding{}
		for _, h := range m.Held {
			if h.Partition < 0 || int(h.Partition) >= p.n {
				continue
			}
			if h.Owned && m.Generation == newest && p.former[h.Partition] == none {
				p.former[h.Partition] = i
			}
			if had, ok := p.state[i][h.Partition]; h.Offset >= 0 && (!ok || had.Offset < h.Offset) {
				p.state[i][h.Partition] = h
			}
		}
	}
}

// share says how many partitions each member gets: equal numbers, and where they
// are not equal the larger ones to those that have most of them already.
func (p *plan) share() {
	has := make([]int, len(p.members))
	for _, m := range p.former {
		if m != none {
			has[m]++
		}
	}
	order := make([]int, len(p.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(has[b]-has[a], len(p.state[b])-len(p.state[a]))
	})
	p.target = make([]int, len(p.members))
	for rank, m := range order {
		p.target[m] = p.n / len(p.members)
		if rank < p.n%len(p.members) {
			p.target[m]++
		}
	}
}

// assign keeps what may stay, moves what must go to where its state is, as far
// as there is room, and the rest anywhere.
func (p *plan) assign() {
	p.owner = slices.Clone(p.former)
	count := make([]int, len(p.members))
	for _, m := range p.owner {
		if m != none {
			count[m]++
		}
	}
	for partition, to := range p.moves(count) {
		if from := p.owner[partition]; from != none {
			count[from]--
		}
		p.owner[partition] = to
		count[to]++
	}
	for partition := p.n - 1; partition >= 0; partition-- {
		if m := p.owner[partition]; m != none && count[m] > p.target[m] {
			p.owner[partition] = none
			count[m]--
		}
	}
	for partition, m := range p.owner {
		if m != none {
			continue
		}
		for i := range p.members {
			if m == none || p.target[i]-count[i] > p.target[m]-count[m] {
				m = i
			}
		}
		p.owner[partition] = m
		count[m]++
	}
}

// moves are as many partitions as can go to members with room that have state of
// them: those without an owner, and as many of each member's as it has too many.
func (p *plan) moves(count []int) map[int]int {
	members := len(p.members)
	// Nodes: source, sink, members that give, members that take, partitions.
	const source, sink = 0, 1
	give, take, part := 2, 2+members, 2+2*members
	g := newFlow(part + p.n)
	for m := range p.members {
		g.edge(source, give+m, max(count[m]-p.target[m], 0))
		g.edge(take+m, sink, max(p.target[m]-count[m], 0))
	}
	type way struct{ edge, to int }
	ways := make([][]way, p.n)
	for partition, m := range p.former {
		if m == none {
			g.edge(source, part+partition, 1)
		} else {
			g.edge(give+m, part+partition, 1)
		}
		for _, to := range p.holders(int32(partition)) {
			ways[partition] = append(ways[partition], way{g.edge(part+partition, take+to, 1), to})
		}
	}
	g.fill(source, sink)
	moved := map[int]int{}
	for partition := range ways {
		for _, w := range ways[partition] {
			if g.used(w.edge) {
				moved[partition] = w.to
			}
		}
	}
	return moved
}

// holders have state of a partition, those that have come furthest first.
func (p *plan) holders(partition int32) []int {
	var who []int
	for m := range p.members {
		if _, ok := p.state[m][partition]; ok {
			who = append(who, m)
		}
	}
	slices.SortStableFunc(who, func(a, b int) int {
		return cmp.Compare(p.state[b][partition].Offset, p.state[a][partition].Offset)
	})
	return who
}
