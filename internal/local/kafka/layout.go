package kafka

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The layout of a partition's folder, as the pinned kfake writes it: segments
// <base offset>.dat of record batches in wire format, beside each an index of 15
// bytes a batch, and snapshot.json, written at an end in order and trusted at
// the next start only where the segments' names and sizes agree with it.

func partitionsDir(dir string) string { return filepath.Join(dir, "partitions") }

func partitionDir(dir, topic string, partition int) string {
	return filepath.Join(partitionsDir(dir), url.PathEscape(topic)+"-"+strconv.Itoa(partition))
}

type storedTopic struct {
	Name       string            `json:"name"`
	Partitions int               `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

func readTopics(dir string) ([]storedTopic, error) {
	var file struct {
		Topics []storedTopic `json:"topics"`
	}
	err := readJSON(filepath.Join(dir, "topics.json"), &file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a new folder
	}
	return file.Topics, err
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

type segment struct {
	Base     int64 `json:"base_offset"`
	Size     int64 `json:"size"`
	MinEpoch int32 `json:"min_epoch,omitempty"`
	MaxEpoch int32 `json:"max_epoch,omitempty"`
}

type abortedRange struct {
	Producer int64 `json:"producer_id"`
	First    int64 `json:"first_offset"`
	Last     int64 `json:"last_offset"` // the marker's
}

// snapshot is a partition at rest. Fields it does not know pass through.
type snapshot struct {
	fields   map[string]json.RawMessage
	end      int64 // high watermark
	stable   int64 // last stable offset
	start    int64
	aborted  []abortedRange
	segments []segment
}

// readSnapshot returns false where there is none, or none that kfake would trust:
// after kill -9. Such a partition is left alone until the next end in order.
func readSnapshot(dir string) (snapshot, bool, error) {
	var s snapshot
	err := readJSON(filepath.Join(dir, "snapshot.json"), &s.fields)
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	for name, into := range map[string]any{
		"high_watermark": &s.end, "last_stable_offset": &s.stable, "log_start_offset": &s.start,
		"aborted_txns": &s.aborted, "segments": &s.segments,
	} {
		if raw, ok := s.fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return s, false, fmt.Errorf("reading %s of the snapshot in %s: %w", name, dir, err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil || len(files) != len(s.segments) {
		return s, false, err
	}
	for _, seg := range s.segments {
		info, err := os.Stat(segmentPath(dir, seg.Base))
		if err != nil || info.Size() != seg.Size {
			return s, false, nil
		}
	}
	return s, len(s.segments) > 0, nil
}

func (s snapshot) encode() ([]byte, error) {
	for name, value := range map[string]any{
		"log_start_offset": s.start, "aborted_txns": s.aborted, "segments": s.segments,
	} {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		s.fields[name] = raw
	}
	return json.Marshal(s.fields)
}

func (s snapshot) bytes() (n int64) {
	for _, seg := range s.segments {
		n += seg.Size
	}
	return n
}

func segmentPath(dir string, base int64) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+".dat")
}

func indexPath(dir string, base int64) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+".idx")
}

const indexEntry = 15

// indexOf is the index entry of a batch outside of any open transaction.
func indexOf(epoch int32) []byte { return indexEntryOf(epoch, false) }

func indexEntryOf(epoch int32, inTransaction bool) []byte {
	b := make([]byte, indexEntry)
	b[0] = 1 // version
	binary.LittleEndian.PutUint32(b[2:6], uint32(epoch))
	if inTransaction {
		b[14] = 1
	}
	b[1] = byte(crc32.Checksum(b[2:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// stored is a batch on disk.
type stored struct {
	kmsg.RecordBatch
	raw, index []byte
}

func (s stored) control() bool       { return s.Attributes&0x20 != 0 }
func (s stored) transactional() bool { return s.Attributes&0x10 != 0 }

// batches yields a partition's batches in order until visit returns false.
func batches(dir string, segments []segment, visit func(stored) (bool, error)) error {
	for _, seg := range segments {
		data, err := os.ReadFile(segmentPath(dir, seg.Base))
		if err != nil {
			return err
		}
		index, err := os.ReadFile(indexPath(dir, seg.Base))
		if err != nil {
			return err
		}
		for len(data) > 0 {
			if len(data) < 61 || len(index) < indexEntry {
				return fmt.Errorf("segment %d of %s ends in the middle of a batch", seg.Base, dir)
			}
			size := 12 + int(binary.BigEndian.Uint32(data[8:12]))
			if size > len(data) {
				return fmt.Errorf("segment %d of %s ends in the middle of a batch", seg.Base, dir)
			}
			s := stored{raw: data[:size], index: index[:indexEntry]}
			if err := s.ReadFrom(s.raw); err != nil {
				return fmt.Errorf("reading a batch of segment %d of %s: %w", seg.Base, dir, err)
			}
			data, index = data[size:], index[indexEntry:]
			if more, err := visit(s); err != nil || !more {
				return err
			}
		}
	}
	return nil
}
