package kafka

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// abortOpen writes the abort markers that a kill prevented, and returns how
// many. kfake takes what is open at its start for aborted, but writes no marker,
// and both is wrong: a client that is told of an aborted transaction drops the
// producer's records up to the marker, so also those of its next transaction;
// and at the next start that transaction's commit counts for the former one too.
//
// Each producer moves on to the next epoch first, so that whoever held the
// transaction is fenced, as by a coordinator's own abort.
func abortOpen(dir string, topics []storedTopic, now time.Time) (markers int, err error) {
	var tails []tail
	epochs := map[int64]int16{}
	for _, t := range topics {
		for k := range t.Partitions {
			l, err := readTail(partitionDir(dir, t.Name, k), -1, -1)
			if err != nil {
				return 0, err
			}
			for producer, epoch := range l.open {
				epochs[producer] = max(epochs[producer], epoch)
			}
			if len(l.open) > 0 {
				tails = append(tails, l)
			}
		}
	}
	if err := bump(filepath.Join(dir, "pids.log"), epochs); err != nil {
		return 0, err
	}
	for _, l := range tails {
		for _, producer := range slices.Sorted(maps.Keys(l.open)) {
			if err := l.mark(producer, l.open[producer], kmsg.ControlRecordKeyTypeAbort, now); err != nil {
				return markers, err
			}
			markers++
		}
	}
	return markers, nil
}

// bump raises the epochs of producers that still have the one of their open
// transaction.
func bump(path string, epochs map[int64]int16) error {
	if len(epochs) == 0 {
		return nil
	}
	lines, err := readLines(path)
	if err != nil {
		return err
	}
	known, last := map[int64]pidEntry{}, map[int64]int16{}
	for _, l := range lines {
		var e pidEntry
		if json.Unmarshal(l.data, &e) != nil {
			continue
		}
		if e.Type == "init" {
			known[e.PID] = e
		}
		last[e.PID] = e.Epoch
	}
	var raised [][]byte
	for _, producer := range slices.Sorted(maps.Keys(epochs)) {
		e, ok := known[producer]
		if !ok || last[producer] != epochs[producer] {
			continue
		}
		e.Epoch = last[producer] + 1
		raised = append(raised, mustJSON(e))
	}
	return appendLines(path, raised)
}
