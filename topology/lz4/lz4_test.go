package lz4_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/lz4"
)

// What is compressed is what kgo's reader finds, of any size, also from several
// goroutines at once.
func TestReadersOfKafkaFindTheSameBytes(t *testing.T) {
	reader := kgo.DefaultDecompressor()
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for _, size := range []int{0, 1, 100, 64 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 3 << 20} {
				src := make([]byte, size)
				for i := range src {
					src[i] = "abcd"[random.IntN(4)]
				}
				var dst bytes.Buffer
				out, codec := lz4.Compressor().Compress(&dst, src)
				if codec != kgo.CodecLz4 {
					t.Errorf("%d bytes: codec %d", size, codec)
					continue
				}
				if size >= 64<<10 && len(out) > size*3/4 {
					t.Errorf("%d bytes of two bits each are %d compressed", size, len(out))
				}
				back, err := reader.Decompress(out, codec)
				if err != nil || !bytes.Equal(back, src) {
					t.Errorf("%d bytes come back as %d: %v", size, len(back), err)
				}
			}
		})
	}
	wg.Wait()
}

// A frame says how large its blocks are (bits 4 to 6 of its second byte, 5 is 256
// KiB), and a reader takes that much memory.
func TestBlocksAreSmall(t *testing.T) {
	var dst bytes.Buffer
	out, _ := lz4.Compressor().Compress(&dst, make([]byte, 1<<20))
	if len(out) < 6 || out[5]>>4&7 != 5 {
		t.Fatalf("block descriptor of % x", out[:min(len(out), 7)])
	}
}
