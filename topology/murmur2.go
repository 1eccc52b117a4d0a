package topology

import (
	"hash"
)

// Murmur2 is the hash of Java's Kafka producers (org.apache.kafka.common.utils.Utils#murmur2).
func Murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		b = b[4:]
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}

// Partition is where a Java producer puts the key among n partitions.
func Partition(key []byte, n int32) int32 { return int32(Murmur2(key)&0x7fffffff) % n }

// NewHasher makes goka agree with Partition: goka takes the sum as int32 and
// negates a negative remainder, so the sign bit is masked away beforehand.
func NewHasher() hash.Hash32 { return new(hasher) }

// hasher collects the key, since murmur2 needs its length first; keys are
// short and written once.
type hasher struct{ key []byte }

func (h *hasher) Write(p []byte) (int, error) { h.key = append(h.key, p...); return len(p), nil }
func (h *hasher) Sum32() uint32               { return Murmur2(h.key) & 0x7fffffff }
func (h *hasher) Reset()                      { h.key = h.key[:0] }
func (h *hasher) Size() int                   { return 4 }
func (h *hasher) BlockSize() int              { return 4 }
func (h *hasher) Sum(b []byte) []byte {
	s := h.Sum32()
	return append(b, byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}
