package processors

import (
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math"
	"sync"
	"sync/atomic"

	"customer360/topology"
)

// sampleSize is how many keyed records of a topic are looked at before its
// partitioner is judged.
const sampleSize = 100

var errPartitioner = errors.New("the topic is written with a foreign partitioner")

// placement checks that keys lie where murmur2 puts them. It belongs to one
// topic and is shared by its partitions' goroutines.
type placement struct {
	partitions int32
	judged     atomic.Bool // and found good

	mu     sync.Mutex
	sample sample
}

// sample counts where the first keyed records lie.
type sample struct {
	seen, right, fnv, crc int
}

// check says in a dead letter's words why a key is misplaced, "" where it is
// not. errPartitioner: the sample is full, and no more keys lie right than
// chance explains.
func (p *placement) check(topic string, key []byte, partition int32) (misplaced string, err error) {
	want := topology.Partition(key, p.partitions)
	if !p.judged.Load() {
		if err := p.judge(topic, key, partition, want); err != nil {
			return "", err
		}
	}
	if want == partition {
		return "", nil
	}
	return fmt.Sprintf("the key lies on partition %d and belongs on %d of %d (murmur2, Java's default)",
		partition, want, p.partitions), nil
}

func (p *placement) judge(topic string, key []byte, partition, want int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sample.seen < sampleSize {
		p.sample.count(key, p.partitions, partition, want)
	}
	if p.sample.seen < sampleSize {
		return nil
	}
	if p.sample.right > chance(p.partitions) {
		p.judged.Store(true)
		return nil
	}
	return fmt.Errorf("%w: of the first %d keyed records of %s, %d lie on a partition that their key does not belong on; likely %s. "+
		"Let its producer partition by murmur2 as Java's does (librdkafka: partitioner=murmur2_random; sarama: a murmur2 partitioner; "+
		"Kafka Connect: no partitioner.class), write the topic anew, and then `customer360 rebuild` and `customer360 rebuild promote` (docs/rebuild.md)",
		errPartitioner, sampleSize, topic, sampleSize-p.sample.right, p.sample.likely())
}

// chance is how many of the sample lie right although they were placed by
// another hash: one in so many partitions, and two standard deviations. "All
// are misplaced" would hardly ever be seen: with 12 partitions in one topic of
// 6000. With one partition nothing can be misplaced.
func chance(partitions int32) int {
	if partitions < 2 {
		return -1
	}
	share := 1 / float64(partitions)
	return int(sampleSize*share + 2*math.Sqrt(sampleSize*share*(1-share)))
}

func (s *sample) count(key []byte, n, partition, want int32) {
	s.seen++
	s.right += one(partition == want)
	s.fnv += one(partition == fnvPartition(key, n))
	s.crc += one(partition == int32(crc32.ChecksumIEEE(key)%uint32(n)))
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// fnvPartition is sarama's default: FNV-1a as a signed number, its remainder
// without the sign.
func fnvPartition(key []byte, n int32) int32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	if p := int32(h.Sum32()) % n; p < 0 {
		return -p
	} else {
		return p
	}
}

func (s *sample) likely() string {
	switch s.seen {
	case s.fnv:
		return "FNV-1a (sarama's and goka's default)"
	case s.crc:
		return "CRC-32 (librdkafka's default: kcat, Python, .NET, node)"
	}
	return "none that looks at the key (round robin, a fixed partition), or the number of partitions was raised after the fact"
}
