package balance

// flow is a network of edges with capacities; fill finds the largest flow by
// augmenting paths, one unit each, trying edges in the order in which they came.
type flow struct {
	out  [][]int // by node: edges that leave it; e^1 is the way back of e
	to   []int
	left []int // capacity not used
	seen []int // by node: the round it was last visited in
}

func newFlow(nodes int) *flow { return &flow{out: make([][]int, nodes), seen: make([]int, nodes)} }

func (f *flow) edge(from, to, capacity int) int {
	e := len(f.to)
	f.to = append(f.to, to, from)
	f.left = append(f.left, capacity, 0)
	f.out[from] = append(f.out[from], e)
	f.out[to] = append(f.out[to], e+1)
	return e
}

func (f *flow) used(edge int) bool { return f.left[edge^1] > 0 }

func (f *flow) fill(source, sink int) {
	for round := 1; f.augment(source, sink, round); round++ {
	}
}

func (f *flow) augment(at, sink, round int) bool {
	if at == sink {
		return true
	}
	f.seen[at] = round
	for _, e := range f.out[at] {
		if f.left[e] > 0 && f.seen[f.to[e]] != round && f.augment(f.to[e], sink, round) {
			f.left[e]--
			f.left[e^1]++
			return true
		}
	}
	return false
}
