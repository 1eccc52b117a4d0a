package balance

import (
	"cmp"
	"slices"
)

// standbys places the copies, by member: never with the owner; equal numbers;
// on other hosts than the owner's and the other copies' where there are any;
// where state is already; and those of one owner spread over the others, so that
// they share its work when it is gone.
func (p *plan) standbys(copies int) [][]int32 {
	placed := make([][]int32, len(p.members))
	copies = min(copies, len(p.members)-1)
	if copies <= 0 {
		return placed
	}
	most := (p.n*copies + len(p.members) - 1) / len(p.members)
	with := make([][]int, p.n)              // by partition: members that have it already
	beside := make([][]int, len(p.members)) // by owner and member: copies of the one's with the other
	for partition, owner := range p.owner {
		with[partition] = []int{owner}
	}
	for m := range beside {
		beside[m] = make([]int, len(p.members))
	}
	for range copies {
		for partition, owner := range p.owner {
			best := none
			var bestRank []int64
			for m := range p.members {
				if slices.Contains(with[partition], m) {
					continue
				}
				offset := int64(-1)
				if h, ok := p.state[m][int32(partition)]; ok {
					offset = h.Offset
				}
				rank := []int64{int64(truth(len(placed[m]) >= most)), int64(truth(p.sameHost(m, with[partition]))),
					-offset, int64(beside[owner][m]), int64(len(placed[m]))}
				if best == none || slices.Compare(rank, bestRank) < 0 {
					best, bestRank = m, rank
				}
			}
			with[partition] = append(with[partition], best)
			placed[best] = append(placed[best], int32(partition))
			beside[owner][best]++
		}
	}
	for m := range placed {
		slices.SortFunc(placed[m], cmp.Compare[int32])
	}
	return placed
}

func (p *plan) sameHost(m int, others []int) bool {
	return slices.ContainsFunc(others, func(o int) bool { return p.members[o].Host == p.members[m].Host })
}
