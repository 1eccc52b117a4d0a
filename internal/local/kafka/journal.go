package kafka

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/filesystem"
)

// journal makes commits atomic. kfake ends a transaction by writing a marker to
// one partition after the other, then the offsets, then a line to pids.log; it
// has no PREPARE_COMMIT as Kafka's coordinator has. kill -9 in between would
// leave the transaction committed on some partitions and aborted on others.
//
// So the decision is written here before kfake begins, and redo (redo.go)
// finishes it at the next start. kfake works through one request after the
// other: when a commit arrives, the one before it is complete, so the journal
// holds just one.
type journal struct {
	dir  string
	sync bool
	fail func(error) // does not return

	mu     sync.Mutex
	file   *os.File
	staged map[int64]*staged // by producer
}

// staged are the offsets a transaction is going to commit.
type staged struct {
	epoch    int16
	requests []*kmsg.TxnOffsetCommitRequest
}

// decision is a commit that begins.
type decision struct {
	Producer int64         `json:"pid"`
	Epoch    int16         `json:"epoch"`
	Bumps    bool          `json:"bumps"` // KIP-890: the commit raises the epoch
	Offsets  []groupOffset `json:"offsets"`
	// Where pids.log ended then, and which file it was: a line behind it says that
	// kfake finished; another file, that it finished and rewrote the log.
	PIDs fileEnd `json:"pids_log"`
}

type groupOffset struct {
	Group     string  `json:"g"`
	Topic     string  `json:"t"`
	Partition int32   `json:"p"`
	Offset    int64   `json:"o"`
	Epoch     int32   `json:"e"`
	Metadata  *string `json:"m"`
}

type fileEnd struct {
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
}

func endOf(path string) (fileEnd, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fileEnd{}, nil
	}
	if err != nil {
		return fileEnd{}, err
	}
	identity, err := filesystem.Identity(path, info)
	if err != nil {
		return fileEnd{}, err
	}
	return fileEnd{Inode: identity, Size: info.Size()}, nil
}

func journalPath(dir string) string { return filepath.Join(dir, "commit.journal") }

func openJournal(dir string, sync bool, fail func(error)) (*journal, error) {
	file, err := os.OpenFile(journalPath(dir), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the embedded Kafka broker's journal: %w", explained(err))
	}
	return &journal{dir: dir, sync: sync, fail: fail, file: file, staged: make(map[int64]*staged)}, nil
}

func (j *journal) close() error { return j.file.Close() }

// attach lets the journal see the two requests it needs, before kfake does.
func (j *journal) attach(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.TxnOffsetCommit), func(request kmsg.Request) (kmsg.Response, error, bool) {
		j.stage(request.(*kmsg.TxnOffsetCommitRequest))
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.EndTxn), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if err := j.decide(request.(*kmsg.EndTxnRequest)); err != nil {
			j.fail(fmt.Errorf("%w: a commit could not be noted: %w", errDisk, explained(err)))
		}
		return nil, nil, false
	})
}

// stage keeps the request itself: kfake fills in the topics' names where a
// client sent ids.
func (j *journal) stage(request *kmsg.TxnOffsetCommitRequest) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.staged[request.ProducerID]
	if s == nil || s.epoch != request.ProducerEpoch {
		s = &staged{epoch: request.ProducerEpoch}
		j.staged[request.ProducerID] = s
	}
	s.requests = append(s.requests, request)
}

func (j *journal) decide(request *kmsg.EndTxnRequest) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.staged[request.ProducerID]
	bumps := request.Version >= 5
	if !bumps || !request.Commit {
		// Older clients keep their epoch: these offsets must not meet the next
		// transaction. Newer ones may repeat the request, under the old epoch.
		delete(j.staged, request.ProducerID)
	}
	if !request.Commit {
		return nil
	}
	end, err := endOf(filepath.Join(j.dir, "pids.log"))
	if err != nil {
		return err
	}
	d := decision{Producer: request.ProducerID, Epoch: request.ProducerEpoch, Bumps: bumps, PIDs: end}
	if s != nil && s.epoch == request.ProducerEpoch {
		d.Offsets = s.offsets()
	}
	return j.write(d)
}

func (s *staged) offsets() (offsets []groupOffset) {
	for _, request := range s.requests {
		for _, t := range request.Topics {
			for _, p := range t.Partitions {
				offsets = append(offsets, groupOffset{request.Group, t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata})
			}
		}
	}
	return offsets
}

// write replaces the one record: length, checksum, JSON. A record that was cut
// short has a wrong checksum, and its commit had not begun.
func (j *journal) write(d decision) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	record := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
	record = binary.LittleEndian.AppendUint32(record, crc32.ChecksumIEEE(data))
	if _, err := j.file.WriteAt(append(record, data...), 0); err != nil {
		return err
	}
	if j.sync {
		return j.file.Sync()
	}
	return nil
}

func readDecision(dir string) (d decision, ok bool, err error) {
	record, err := os.ReadFile(journalPath(dir))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(record) < 8 {
		return d, false, nil
	}
	if err != nil {
		return d, false, err
	}
	length, sum := binary.LittleEndian.Uint32(record), binary.LittleEndian.Uint32(record[4:])
	data := record[8:]
	if int64(length) > int64(len(data)) || crc32.ChecksumIEEE(data[:length]) != sum {
		return d, false, nil
	}
	return d, true, json.Unmarshal(data[:length], &d)
}
