// Package lz4 compresses batches of records as Kafka's lz4 codec, in blocks of 256
// KiB. kgo's own has blocks of 4 MiB: that many bytes of memory, twice, for each
// batch at work, however small it is, and the block size stands in the frame, so
// every reader of the topic needs as much again.
package lz4

import (
	"bytes"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// blockSize is the largest at which memory does not count; batches are seldom larger,
// and a larger one is several blocks.
const blockSize = lz4.Block256Kb

// Compressor is for kgo.WithCompressor. All clients share its buffers.
func Compressor() kgo.Compressor { return compressor{} }

type compressor struct{}

var writers = sync.Pool{New: func() any {
	w := lz4.NewWriter(nil)
	if err := w.Apply(lz4.BlockSizeOption(blockSize), lz4.ChecksumOption(false)); err != nil {
		return nil // a wrong option: Compress says so
	}
	return w
}}

// Compress is kgo's.
func (compressor) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	w, ok := writers.Get().(*lz4.Writer)
	if !ok {
		return nil, kgo.CodecError
	}
	defer writers.Put(w)
	w.Reset(dst)
	if _, err := w.Write(src); err != nil {
		return nil, kgo.CodecError
	}
	if err := w.Close(); err != nil {
		return nil, kgo.CodecError
	}
	return dst.Bytes(), kgo.CodecLz4
}
