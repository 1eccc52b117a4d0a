package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mergedBytes is how much is gathered into one batch: what survives a
// compaction is a record here and there, and a batch of one costs more than it.
const mergedBytes = 64 << 10

// logWriter writes a partition's segments.
type logWriter struct {
	dir        string
	rollAt     int64
	start      int64 // the log's start, kept by an empty batch where needed
	segments   []segment
	data, idx  *os.File
	compressor kgo.Compressor

	records []byte // of the batch being gathered
	batch   kmsg.RecordBatch
}

func newLogWriter(dir string, rollAt int64) (*logWriter, error) {
	compressor, err := kgo.DefaultCompressor(kgo.SnappyCompression())
	if err != nil {
		return nil, err
	}
	return &logWriter{dir: dir, rollAt: rollAt, compressor: compressor}, os.MkdirAll(dir, 0o700)
}

// add appends a record of a finished transaction, or of none: it becomes one of
// no producer, which kfake keeps track of elsewhere.
func (w *logWriter) add(r kmsg.Record, offset, timestamp int64, epoch int32) error {
	if w.batch.NumRecords > 0 && (len(w.records) >= mergedBytes || offset-w.batch.FirstOffset > math.MaxInt32) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.batch.NumRecords == 0 {
		w.batch = kmsg.RecordBatch{
			FirstOffset: offset, FirstTimestamp: timestamp, MaxTimestamp: timestamp, PartitionLeaderEpoch: epoch,
			Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		}
	}
	r.OffsetDelta = int32(offset - w.batch.FirstOffset)
	r.TimestampDelta, r.TimestampDelta64 = 0, timestamp-w.batch.FirstTimestamp
	r.Length = 0 // one byte as a varint, replaced by the length of what follows
	body := r.AppendTo(nil)[1:]
	w.records = append(binary.AppendVarint(w.records, int64(len(body))), body...)
	w.batch.NumRecords++
	w.batch.LastOffsetDelta = r.OffsetDelta
	w.batch.MaxTimestamp = max(w.batch.MaxTimestamp, timestamp)
	return nil
}

func (w *logWriter) flush() error {
	if w.batch.NumRecords == 0 {
		return nil
	}
	compressed, codec := w.compressor.Compress(new(bytes.Buffer), w.records)
	w.batch.Records = compressed
	w.batch.Attributes = int16(codec)
	err := w.write(encoded(w.batch), indexOf(w.batch.PartitionLeaderEpoch), w.batch)
	w.batch, w.records = kmsg.RecordBatch{}, w.records[:0]
	return err
}

// verbatim appends a batch as it was.
func (w *logWriter) verbatim(s stored) error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.write(s.raw, s.index, s.RecordBatch)
}

func encoded(b kmsg.RecordBatch) []byte {
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:12], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:21], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

func (w *logWriter) write(raw, index []byte, b kmsg.RecordBatch) error {
	if len(w.segments) == 0 && b.FirstOffset > w.start {
		empty := kmsg.RecordBatch{
			FirstOffset: w.start, FirstTimestamp: b.FirstTimestamp, MaxTimestamp: b.FirstTimestamp,
			PartitionLeaderEpoch: b.PartitionLeaderEpoch, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		}
		if err := w.roll(w.start); err != nil {
			return err
		}
		if err := w.append(encoded(empty), indexOf(empty.PartitionLeaderEpoch), empty); err != nil {
			return err
		}
	}
	if len(w.segments) == 0 || w.segments[len(w.segments)-1].Size >= w.rollAt {
		if err := w.roll(b.FirstOffset); err != nil {
			return err
		}
	}
	return w.append(raw, index, b)
}

func (w *logWriter) append(raw, index []byte, b kmsg.RecordBatch) error {
	seg := &w.segments[len(w.segments)-1]
	if seg.Size == 0 {
		seg.MinEpoch, seg.MaxEpoch = b.PartitionLeaderEpoch, b.PartitionLeaderEpoch
	}
	seg.MinEpoch, seg.MaxEpoch = min(seg.MinEpoch, b.PartitionLeaderEpoch), max(seg.MaxEpoch, b.PartitionLeaderEpoch)
	seg.Size += int64(len(raw))
	_, err1 := w.data.Write(raw)
	_, err2 := w.idx.Write(index)
	return errors.Join(err1, err2)
}

func (w *logWriter) roll(base int64) (err error) {
	if err := w.closeSegment(); err != nil {
		return err
	}
	if w.data, err = os.Create(segmentPath(w.dir, base)); err != nil {
		return err
	}
	if w.idx, err = os.Create(indexPath(w.dir, base)); err != nil {
		return err
	}
	w.segments = append(w.segments, segment{Base: base})
	return nil
}

func (w *logWriter) closeSegment() error {
	if w.data == nil || w.idx == nil {
		return nil
	}
	err := errors.Join(w.data.Sync(), w.idx.Sync(), w.data.Close(), w.idx.Close())
	w.data, w.idx = nil, nil
	return err
}

func (w *logWriter) close() error { return errors.Join(w.flush(), w.closeSegment()) }
