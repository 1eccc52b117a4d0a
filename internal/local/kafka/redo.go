package kafka

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pidEntry and groupEntry are lines of kfake's pids.log and groups.log.
type pidEntry struct {
	Type    string `json:"type"`
	PID     int64  `json:"pid"`
	Epoch   int16  `json:"epoch"`
	TxID    string `json:"txid,omitempty"`
	Timeout int32  `json:"timeout,omitempty"`
	Commit  *bool  `json:"commit,omitempty"`
}

type groupEntry struct {
	Type       string  `json:"type"`
	Group      string  `json:"g"`
	Topic      string  `json:"t,omitempty"`
	Partition  int32   `json:"p,omitempty"`
	Offset     int64   `json:"o,omitempty"`
	Epoch      int32   `json:"e,omitempty"`
	Metadata   *string `json:"m,omitempty"`
	LastCommit int64   `json:"lc,omitempty"`
}

// redo finishes the commit that a kill interrupted. It may be interrupted itself.
func redo(dir string, now time.Time) (redone bool, err error) {
	d, ok, err := readDecision(dir)
	if err != nil || !ok {
		return false, err
	}
	path := filepath.Join(dir, "pids.log")
	end, err := endOf(path)
	if err != nil {
		return false, err
	}
	if end.Inode != d.PIDs.Inode {
		return false, nil // rewritten since, in order
	}
	lines, err := readLines(path)
	if err != nil {
		return false, err
	}
	producer, ok := interrupted(lines, d)
	if !ok {
		return false, nil
	}
	if err := markEverywhere(dir, d, now); err != nil {
		return false, err
	}
	var commits [][]byte
	for _, o := range d.Offsets {
		commits = append(commits, mustJSON(groupEntry{"commit", o.Group, o.Topic, o.Partition, o.Offset, o.Epoch, o.Metadata, now.UnixMilli()}))
	}
	if err := appendLines(filepath.Join(dir, "groups.log"), commits); err != nil {
		return false, err
	}
	committed := true
	done := [][]byte{mustJSON(pidEntry{Type: "endtx", PID: d.Producer, Epoch: d.Epoch, Commit: &committed})}
	if d.Bumps {
		producer.Type, producer.Epoch, producer.Commit = "init", d.Epoch+1, &committed
		done = append(done, mustJSON(producer))
	}
	return true, appendLines(path, done) // last: it says that all of it is done
}

// interrupted: the decision is the last thing known of its producer, under the
// epoch it has. A producer that was fenced meanwhile has another one, and kfake
// refused its commit.
func interrupted(lines []logLine, d decision) (producer pidEntry, ok bool) {
	epoch := int16(-1)
	for _, l := range lines {
		var e pidEntry
		if json.Unmarshal(l.data, &e) != nil || e.PID != d.Producer {
			continue
		}
		if l.at >= d.PIDs.Size {
			return producer, false
		}
		if e.Type == "init" {
			producer = e
		}
		epoch = e.Epoch
	}
	return producer, epoch == d.Epoch && producer.TxID != ""
}

// markEverywhere appends a commit marker wherever the producer's records of this
// epoch still wait for one.
func markEverywhere(dir string, d decision, now time.Time) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	for _, t := range topics {
		for k := range t.Partitions {
			l, err := readTail(partitionDir(dir, t.Name, k), d.Producer, d.Epoch)
			if err != nil {
				return fmt.Errorf("finishing a commit on partition %d of %s: %w", k, t.Name, err)
			}
			if !l.waiting {
				continue
			}
			if err := l.mark(d.Producer, d.Epoch, kmsg.ControlRecordKeyTypeCommit, now); err != nil {
				return fmt.Errorf("finishing a commit on partition %d of %s: %w", k, t.Name, err)
			}
		}
	}
	return nil
}

// tail is the end of a partition's log after a kill, and what is open in it.
type tail struct {
	dir     string
	base    int64           // of the last segment
	size    int64           // of its whole batches
	batches int64           // in it
	next    int64           // offset
	epoch   int32           // leader's
	waiting bool            // the producer asked for has an open transaction
	open    map[int64]int16 // epochs of all producers that have one
}

func readTail(dir string, producer int64, epoch int16) (tail, error) {
	l := tail{dir: dir, open: map[int64]int16{}}
	segments, err := segmentsIn(dir)
	if err != nil {
		return l, err
	}
	for _, base := range segments {
		data, err := os.ReadFile(segmentPath(dir, base))
		if err != nil {
			return l, err
		}
		l.base, l.size, l.batches = base, 0, 0
		for {
			b, size, ok := wholeBatch(data)
			if !ok {
				break
			}
			data = data[size:]
			l.size += int64(size)
			l.batches++
			l.next, l.epoch = b.FirstOffset+int64(b.LastOffsetDelta)+1, b.PartitionLeaderEpoch
			s := stored{RecordBatch: b}
			switch {
			case s.control():
				delete(l.open, b.ProducerID)
			case s.transactional():
				l.open[b.ProducerID] = b.ProducerEpoch
			}
			switch {
			case b.ProducerID != producer || !s.transactional():
			case s.control():
				l.waiting = false
			case b.ProducerEpoch == epoch:
				l.waiting = true
			}
		}
	}
	return l, nil
}

// wholeBatch returns the first batch, if it is all there.
func wholeBatch(data []byte) (b kmsg.RecordBatch, size int, ok bool) {
	if len(data) < 61 {
		return b, 0, false
	}
	size = 12 + int(binary.BigEndian.Uint32(data[8:12]))
	if size < 61 || size > len(data) ||
		binary.BigEndian.Uint32(data[17:21]) != crc32.Checksum(data[21:size], crc32.MakeTable(crc32.Castagnoli)) {
		return b, 0, false
	}
	return b, size, b.ReadFrom(data[:size]) == nil
}

// mark appends the marker as kfake would have, over whatever a kill left half
// written behind the last whole batch.
func (l *tail) mark(producer int64, epoch int16, kind kmsg.ControlRecordKeyType, now time.Time) error {
	key := kmsg.ControlRecordKey{Type: kind}
	marker := kmsg.EndTxnMarker{}
	record := kmsg.Record{Key: key.AppendTo(nil), Value: marker.AppendTo(nil)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length itself is one byte
	raw := encoded(kmsg.RecordBatch{
		FirstOffset: l.next, PartitionLeaderEpoch: l.epoch, Magic: 2, Attributes: 0x30,
		FirstTimestamp: now.UnixMilli(), MaxTimestamp: now.UnixMilli(),
		ProducerID: producer, ProducerEpoch: epoch, FirstSequence: -1, NumRecords: 1, Records: record.AppendTo(nil),
	})
	err := errors.Join(
		writeAt(segmentPath(l.dir, l.base), raw, l.size),
		writeAt(indexPath(l.dir, l.base), indexOf(l.epoch), l.batches*indexEntry),
	)
	l.next, l.size, l.batches = l.next+1, l.size+int64(len(raw)), l.batches+1
	return err
}

func writeAt(path string, data []byte, at int64) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, at)
	return errors.Join(err, file.Truncate(at+int64(len(data))), file.Sync(), file.Close())
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return nil // numbers and texts only: it cannot fail
	}
	return data
}
