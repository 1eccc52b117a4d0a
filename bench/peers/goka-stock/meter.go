package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/IBM/sarama"
)

// meter counts records across goroutines; the window runs from record warmup+1 to
// the commit of the last.
type meter struct {
	warmup, total  int64
	begun, counted atomic.Int64
	done           chan struct{} // closed when the last record is processed
	first, last    usage
}

// usage is what the process has used until then.
type usage struct {
	at            time.Time
	cpu           time.Duration
	allocs, bytes uint64
}

func newMeter(warmup, total int64) *meter {
	return &meter{warmup: warmup, total: total, done: make(chan struct{})}
}

func (m *meter) begin() {
	if m.begun.Add(1) == m.warmup+1 {
		m.first, _ = used() // getrusage of this process does not fail
	}
}

func (m *meter) processed() {
	if m.counted.Add(1) == m.total {
		close(m.done)
	}
}

func (m *meter) committed() (err error) {
	m.last, err = used()
	return err
}

// report prints the measurement; call it when everything is closed.
func (m *meter) report(o options) error {
	end, err := used()
	if err != nil {
		return err
	}
	var size int64
	err = filepath.WalkDir(o.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	gogc := debug.SetGCPercent(100)
	n := m.total - m.warmup
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"contender": "goka-stock", "start": m.first.at, "records": n, "warmup": m.warmup,
		"seconds": m.last.at.Sub(m.first.at).Seconds(), "cpu_seconds": (m.last.cpu - m.first.cpu).Seconds(),
		"cpu_seconds_process": end.cpu.Seconds(), "rss_peak_mib": peakRSS(), "state_bytes": size,
		"allocs": float64(m.last.allocs-m.first.allocs) / float64(n), "alloc_bytes": float64(m.last.bytes-m.first.bytes) / float64(n),
		"gc": fmt.Sprintf("GOGC=%d, memory limit none", gogc), "job": "at least once, commit every 1s, leveldb and producer as goka's defaults, snappy",
	})
}

func used() (usage, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	s := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return usage{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano()), s[0].Value.Uint64() + s[1].Value.Uint64(), s[2].Value.Uint64()}, nil
}

// peakRSS is in MiB; 0 where the system does not tell.
func peakRSS() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}

// awaitCommit returns when the group has committed the end of its input.
func awaitCommit(ctx context.Context, o options, config *sarama.Config) error {
	cl, err := sarama.NewClient(strings.Split(o.bootstrap, ","), config)
	if err != nil {
		return err
	}
	adm, err := sarama.NewClusterAdminFromClient(cl)
	if err != nil {
		return err
	}
	defer adm.Close() // and the client
	partitions, err := cl.Partitions(o.in)
	if err != nil {
		return err
	}
	ends := map[int32]int64{}
	for _, p := range partitions {
		if ends[p], err = cl.GetOffset(o.in, p, sarama.OffsetNewest); err != nil {
			return err
		}
	}
	for {
		commits, err := adm.ListConsumerGroupOffsets(o.group, map[string][]int32{o.in: partitions})
		if err != nil {
			return err
		}
		all := true
		for p, end := range ends {
			block := commits.GetBlock(o.in, p)
			all = all && (end == 0 || block != nil && block.Offset >= end)
		}
		if all {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
