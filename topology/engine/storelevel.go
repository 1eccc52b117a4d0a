package engine

import (
	"errors"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
)

// level is an open leveldb with the files that it lies in.
type level struct {
	*leveldb.DB
	files  storage.Storage
	buffer int // bytes that recovery and copies write at once

	options opt.Options
	open    func() (storage.Storage, error) // its files, once they are closed
}

// enough says whether recovery and copies write that many bytes now.
func (l *level) enough(bytes int) bool { return bytes >= l.buffer/8*7 }

// levelPatience is for leveldb's Close, which ends compactions first.
var levelPatience = 30 * time.Second

var errHangs = errors.New("leveldb does not close, after an error of the disk: this process keeps the folder until it ends")

// Close gives up after levelPatience: leveldb (1.0.1) keeps its lock where a large
// write finds the disk full, and its Close waits for that lock for ever. A member
// that waited with it would keep its partitions. The folder stays locked, so Run ends.
func (l *level) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(l.DB.Close(), l.files.Close()) }()
	limit := time.NewTimer(levelPatience)
	defer limit.Stop()
	select {
	case err := <-closed:
		return err
	case <-limit.C:
		return errHangs
	}
}

// again closes and opens it: for a recovery into an empty folder, which neither
// compacts nor syncs, or for what follows.
func (l *level) again(recovery bool) (*level, error) {
	if err := l.Close(); err != nil {
		return nil, err
	}
	files, err := l.open()
	if err != nil {
		return nil, err
	}
	late := new(atomic.Bool)
	if b, ok := files.(buffered); ok {
		late = b.late
	}
	late.Store(true)
	o := l.options
	if recovery {
		o.WriteBuffer = l.buffer // one table for each write
		o.CompactionL0Trigger, o.WriteL0SlowdownTrigger, o.WriteL0PauseTrigger = math.MaxInt32, math.MaxInt32, math.MaxInt32
	}
	db, err := leveldb.Open(files, &o)
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	late.Store(recovery)
	return &level{db, files, l.buffer, l.options, l.open}, nil
}

// filesOf opens the files of a folder and locks them.
type filesOf func(dir string) (storage.Storage, error)

func osFiles(dir string) (storage.Storage, error) {
	files, err := storage.OpenFile(dir, false)
	if err != nil {
		return nil, err
	}
	return buffered{files, new(atomic.Bool)}, nil
}

// levelOptions are leveldb's for a share of memory, in bytes, where much is written
// at once: write bytes, or where it is 0, one unit.
//
// A third of it is for the indices and filters of tables, which stay in memory as
// long as a table is open. There is no cache of blocks: it has ten states in the
// place of one that is asked for, and threw indices out. Another third is what
// recovery collects for one write. The rest is leveldb's two write buffers, of the
// journal and of what becomes tables at once (level.write), which it allocates whole,
// and as much as one table for compaction.
//
// Level 0 is compacted, a range of keys at a time, when it has as many tables as two
// writes: a read looks into each of its tables that may have the key.
//
// Reading is no reason to compact: by default a table is compacted after as many
// reads as it has blocks, which was most of the compaction. No compression, which
// costs more than it saves here.
//
// Strict, all of it: by default leveldb skips what is damaged in its journals
// and its manifest, and goes on without those writes.
func levelOptions(bytes, write int) *opt.Options {
	if write == 0 {
		write = unit(bytes)
	}
	buffer := min(max(write/4, 256<<10), 1<<20)
	level0 := 2 * ((write + buffer - 1) / buffer)
	return &opt.Options{
		WriteBuffer:            buffer,
		CompactionTableSize:    tableSize,
		CompactionTotalSize:    64 << 20,
		CompactionL0Trigger:    level0,
		WriteL0SlowdownTrigger: 4 * level0,
		WriteL0PauseTrigger:    6 * level0,
		BlockSize:              8 << 10,
		DisableBlockCache:      true,
		OpenFilesCacheCapacity: min(max(bytes/3/(tableSize/tableIndexShare), 16), 1000),
		DisableSeeksCompaction: true,
		Compression:            opt.NoCompression,
		Filter:                 filter.NewBloomFilter(10),
		Strict:                 opt.StrictAll,
	}
}

const (
	tableSize       = 2 << 20
	tableIndexShare = 128 // of a table's bytes, one is index or filter, at states of 500 bytes
)

// unit is how much recovery writes at once.
func unit(bytes int) int { return min(max(bytes/3, 256<<10), 16<<20) }

// openFiles opens or creates the leveldb of a folder. why is not empty where
// writes are missing in the middle of what it would show.
func openFiles(files filesOf, dir string, bytes, write int) (db *level, why string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	fs, err := files(dir)
	if err != nil {
		return nil, "", err
	}
	if why, err = inspect(dir); why == "" && err == nil {
		var raw *leveldb.DB
		options := levelOptions(bytes, write)
		if raw, err = leveldb.Open(fs, options); err == nil {
			return &level{raw, fs, unit(bytes), *options, func() (storage.Storage, error) { return files(dir) }}, "", nil
		}
	}
	return nil, why, errors.Join(err, fs.Close())
}
