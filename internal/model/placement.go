package model

import "math"

// placement counts where the first keyed records of a topic lie.
type placement struct{ seen, right int }

// sampleSize keyed records tell whether a topic's partitioner is ours.
const sampleSize = 100

// place tells whether a key lies where Java's producers put it, and whether the
// first records of the topic show a foreign partitioner: no more of them lie
// right than chance explains, one in so many partitions and two standard
// deviations.
func (m *Model) place(r *Raw) (right, foreign bool) {
	n := m.options.Partitions(r.Topic)
	right = int32(murmur2(r.Key)&0x7fffffff)%n == r.Partition
	p := m.placements[r.Topic]
	if p == nil {
		p = &placement{}
		m.placements[r.Topic] = p
	}
	if p.seen == sampleSize || n < 2 {
		return right, false
	}
	p.seen++
	if right {
		p.right++
	}
	share := 1 / float64(n)
	chance := int(sampleSize*share + 2*math.Sqrt(sampleSize*share*(1-share)))
	return right, p.seen == sampleSize && p.right <= chance
}

// murmur2 is the hash of Java's producers.
func murmur2(key []byte) uint32 {
	const m = 0x5bd1e995
	h := 0x9747b28c ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	for i := len(key) - 1; i >= 0; i-- {
		h ^= uint32(key[i]) << (8 * i)
	}
	if len(key) > 0 {
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
