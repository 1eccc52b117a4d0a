package topology

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// Vectors of Kafka's own UtilsTest and of captured Debezium records (facts/debezium.md).
func TestMurmur2Vectors(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, `{"id":1001}`: 1645685654,
		"a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
	} {
		if got := int32(Murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	for key, want := range map[string]int32{`{"id":1001}`: 2, `{"id":1004}`: 9} {
		if got := Partition([]byte(key), 12); got != want {
			t.Errorf("Partition(%q, 12) = %d, want %d", key, got, want)
		}
	}
}

// goka's rule, franz-go's default partitioner and Partition agree on any key.
func TestHasherAgreesWithClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "key")
		n := rapid.Int32Range(1, 64).Draw(t, "partitions")
		want := Partition(key, n)
		h := NewHasher()
		_, _ = h.Write(key)
		goka := int32(h.Sum32()) % n
		if goka < 0 {
			goka = -goka
		}
		franz := kgo.StickyKeyPartitioner(nil).ForTopic("t").Partition(&kgo.Record{Key: key}, int(n))
		if goka != want || int32(franz) != want {
			t.Fatalf("key %x of %d partitions: goka %d, franz-go %d, want %d", key, n, goka, franz, want)
		}
	})
}
