package kafka

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mend repairs what a kill left that kfake would read wrongly. Every step may be
// interrupted and done again.
func mend(dir string, log *slog.Logger) error {
	if err := mendExchanges(dir); err != nil {
		return fmt.Errorf("mending the embedded Kafka broker's folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "session_state.json")); err == nil {
		return nil // it ended in order
	}
	redone, err := redo(dir, time.Now())
	if err != nil {
		return fmt.Errorf("finishing the embedded Kafka broker's last commit: %w", err)
	}
	if redone {
		log.Info("the embedded Kafka broker finished a commit that was interrupted")
	}
	topics, err := readTopics(dir)
	if err != nil {
		return fmt.Errorf("mending the embedded Kafka broker's folder: %w", err)
	}
	for _, t := range topics {
		for k := range t.Partitions {
			home := partitionDir(dir, t.Name, k)
			if err := errors.Join(mendIndex(home), dropOpenSnapshot(home)); err != nil {
				return fmt.Errorf("mending partition %d of %s: %w", k, t.Name, err)
			}
		}
	}
	aborted, err := abortOpen(dir, topics, time.Now())
	if err != nil {
		return fmt.Errorf("aborting transactions that a kill left open: %w", err)
	}
	if aborted > 0 {
		log.Info("the embedded Kafka broker aborted transactions that were open when it was killed", "markers", aborted)
	}
	return nil
}

// mendIndex completes the last segment's index. kfake writes a batch, then its
// index entry, which alone says that the batch belongs to a transaction: without
// it the batch of an open transaction would count as committed.
func mendIndex(dir string) error {
	segments, err := segmentsIn(dir)
	if err != nil || len(segments) == 0 {
		return err
	}
	base := segments[len(segments)-1]
	data, err := os.ReadFile(segmentPath(dir, base))
	if err != nil {
		return err
	}
	index, err := os.ReadFile(indexPath(dir, base))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	whole := len(index) / indexEntry * indexEntry
	var missing []byte
	for n := 0; ; n++ {
		b, size, ok := wholeBatch(data)
		if !ok {
			break
		}
		data = data[size:]
		if n*indexEntry < whole {
			continue
		}
		s := stored{RecordBatch: b}
		missing = append(missing, indexEntryOf(b.PartitionLeaderEpoch, s.transactional() && !s.control())...)
	}
	if len(missing) == 0 {
		return nil
	}
	return writeAt(indexPath(dir, base), missing, int64(whole))
}

// dropOpenSnapshot lets kfake read a partition from its segments where an open
// transaction stands in the snapshot: that transaction's state was kept in the
// session state of an end in order, and is gone since. kfake would wait for its
// end for ever; from the segments it takes it for aborted.
func dropOpenSnapshot(dir string) error {
	snap, ok, err := readSnapshot(dir)
	if err != nil || !ok || snap.stable == snap.end {
		return err
	}
	return os.Remove(filepath.Join(dir, "snapshot.json"))
}

// mendExchanges finishes or takes back an exchange of folders (clean.go).
func mendExchanges(dir string) error {
	entries, err := os.ReadDir(partitionsDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(partitionsDir(dir), e.Name())
		if home, ok := strings.CutSuffix(path, beforeSuffix); ok {
			if _, err := os.Stat(home); err == nil {
				if err := os.RemoveAll(path); err != nil { // exchanged already
					return err
				}
			} else if err := os.Rename(path, home); err != nil {
				return err
			}
		}
		if strings.HasSuffix(path, cleanSuffix) {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// segmentsIn returns the base offsets of a partition's segments, rising.
func segmentsIn(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var bases []int64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	slices.Sort(bases)
	return bases, err
}
