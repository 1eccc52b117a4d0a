package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cleaner clears superseded and expired records out of a folder at rest. kfake's
// in-progress transactions, group members and fetch sessions live on in its
// session state, so clients notice a broken connection and nothing else.
type cleaner struct {
	dir string
	now func() time.Time
}

// cleaned is what the cleaner remembers between two times.
type cleaned struct {
	At time.Time `json:"at"`
	// Bytes is what compaction left of each partition: it pays again when as much
	// was added as half of that.
	Bytes map[string]int64 `json:"bytes"`
}

const (
	dirtyBytes   = 1 << 20 // below that a partition is not worth it
	cleanSuffix  = ".clean"
	beforeSuffix = ".before"
)

func (c cleaner) memory() string { return filepath.Join(c.dir, "cleaner.json") }

func (c cleaner) remembered() cleaned {
	var m cleaned
	// What cannot be read is as good as never: a cleaning costs time only.
	if err := readJSON(c.memory(), &m); err != nil || m.Bytes == nil {
		m.Bytes = make(map[string]int64)
	}
	return m
}

// due says whether it is time again. A new folder is never due.
func (c cleaner) due(every time.Duration) bool {
	if every == 0 {
		return false
	}
	if _, err := os.Stat(filepath.Join(c.dir, "topics.json")); err != nil {
		return false
	}
	return c.now().Sub(c.remembered().At) >= every
}

// Compact compacts every compacted topic of a folder at rest at once, however
// little there is to gain, as of now: a time ahead of the clock makes records as
// old as min.compaction.lag.ms and delete.retention.ms ask for. It is for tests;
// the broker compacts by itself.
func Compact(dir string, now time.Time) error {
	topics, err := readTopics(dir)
	if err != nil {
		return fmt.Errorf("compacting %s: %w", dir, err)
	}
	for _, t := range topics {
		p := policyOf(t)
		if !p.compact {
			continue
		}
		for k := range t.Partitions {
			part := partitionDir(dir, t.Name, k)
			snap, ok, err := readSnapshot(part)
			if err == nil && ok && snap.stable > snap.start+1 {
				err = replaceByCompacted(part, snap, p, now)
			}
			if err != nil {
				return fmt.Errorf("compacting partition %d of %s: %w", k, t.Name, err)
			}
		}
	}
	return nil
}

func replaceByCompacted(dir string, snap snapshot, p policy, now time.Time) error {
	compacted, err := compactPartition(dir, dir+cleanSuffix, snap, p, now)
	if err != nil {
		return err
	}
	return exchange(dir, compacted)
}

// clean works through every partition and returns how many bytes it freed.
func (c cleaner) clean(ctx context.Context) (freed int64, err error) {
	topics, err := readTopics(c.dir)
	if err != nil {
		return 0, fmt.Errorf("cleaning the embedded Kafka broker's folder: %w", err)
	}
	memory := c.remembered()
	for _, t := range topics {
		p := policyOf(t)
		for k := range t.Partitions {
			if ctx.Err() != nil {
				return freed, nil // what is done is done; the rest is next time's
			}
			dir := partitionDir(c.dir, t.Name, k)
			n, err := c.partition(dir, p, memory.Bytes)
			if err != nil {
				return freed, fmt.Errorf("cleaning partition %d of %s: %w", k, t.Name, err)
			}
			freed += n
		}
	}
	memory.At = c.now()
	data, err := json.Marshal(memory)
	if err != nil {
		return freed, err
	}
	return freed, os.WriteFile(c.memory(), data, 0o600)
}

func (c cleaner) partition(dir string, p policy, left map[string]int64) (freed int64, err error) {
	snap, ok, err := readSnapshot(dir)
	if err != nil || !ok {
		return 0, err
	}
	before := snap.bytes()
	if p.delete {
		if snap, err = expire(dir, snap, p, c.now()); err != nil {
			return 0, err
		}
	}
	name := filepath.Base(dir)
	if p.compact && snap.bytes()-left[name] >= max(dirtyBytes, left[name]/2) {
		compacted, err := compactPartition(dir, dir+cleanSuffix, snap, p, c.now())
		if err == nil {
			err = exchange(dir, compacted)
		}
		if err != nil {
			return 0, errors.Join(err, os.RemoveAll(dir+cleanSuffix))
		}
		snap = compacted
		left[name] = compacted.bytes()
	}
	return before - snap.bytes(), nil
}

// expire removes whole segments from the log's beginning, as Kafka does; never
// the last one, which says where the log ends. The snapshot is written first: a
// kill in between leaves more files than it names, and kfake reads them all.
func expire(dir string, snap snapshot, p policy, now time.Time) (snapshot, error) {
	keep := 0
	total := snap.bytes()
	for k, seg := range snap.segments[:len(snap.segments)-1] {
		newest := int64(0)
		if err := batches(dir, snap.segments[k:k+1], func(s stored) (bool, error) {
			newest = max(newest, s.MaxTimestamp)
			return true, nil
		}); err != nil {
			return snap, err
		}
		next := snap.segments[k+1].Base
		old := p.retention >= 0 && now.UnixMilli()-newest >= p.retention
		tooMuch := p.retentionBytes >= 0 && total-seg.Size >= p.retentionBytes
		if next > snap.stable || !old && !tooMuch {
			break
		}
		total -= seg.Size
		keep = k + 1
	}
	if keep == 0 {
		return snap, nil
	}
	gone := snap.segments[:keep]
	snap.segments = snap.segments[keep:]
	snap.start = max(snap.start, snap.segments[0].Base)
	var aborted []abortedRange
	for _, a := range snap.aborted {
		if a.Last >= snap.start {
			aborted = append(aborted, a)
		}
	}
	snap.aborted = aborted
	if err := writeSnapshot(dir, snap); err != nil {
		return snap, err
	}
	for _, seg := range gone {
		if err := errors.Join(os.Remove(segmentPath(dir, seg.Base)), os.Remove(indexPath(dir, seg.Base))); err != nil {
			return snap, err
		}
	}
	return snap, nil
}

func writeSnapshot(dir string, snap snapshot) error {
	data, err := snap.encode()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "snapshot.json")
	file, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".tmp", path), syncDir(dir))
}

// exchange puts the compacted folder in a partition's place. At any moment of it
// one of the two stands whole under a name that mend knows.
func exchange(dir string, compacted snapshot) error {
	if err := writeSnapshot(dir+cleanSuffix, compacted); err != nil {
		return err
	}
	if err := os.Rename(dir, dir+beforeSuffix); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(dir+cleanSuffix, dir), syncDir(filepath.Dir(dir))); err != nil {
		return err
	}
	return os.RemoveAll(dir + beforeSuffix)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
