package engine

import (
	"errors"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
)

// level is an open leveldb with the files that it lies in.
type level struct {
	*leveldb.DB
	files storage.Storage
}

func (l *level) Close() error { return errors.Join(l.DB.Close(), l.files.Close()) }

// filesOf opens the files of a folder and locks them.
type filesOf func(dir string) (storage.Storage, error)

func osFiles(dir string) (storage.Storage, error) { return storage.OpenFile(dir, false) }

// levelOptions: larger buffers and tables for fewer compactions; no block
// compression, which costs more than it saves here; a filter for keys that
// are not there.
//
// Strict, all of it: by default leveldb skips what is damaged in its journals
// and its manifest, and goes on without those writes.
//
// bytes is the memory of one store: two write buffers, since one is written
// while the next fills, and the block cache.
func levelOptions(bytes int) *opt.Options {
	share := min(max(bytes/3, 1<<20), 16<<20)
	return &opt.Options{
		WriteBuffer:         share,
		BlockCacheCapacity:  share,
		CompactionTableSize: 8 << 20,
		Compression:         opt.NoCompression,
		Filter:              filter.NewBloomFilter(10),
		Strict:              opt.StrictAll,
	}
}

// openFiles opens or creates the leveldb of a folder. why is not empty where
// writes are missing in the middle of what it would show.
func openFiles(files filesOf, dir string, bytes int) (db *level, why string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	fs, err := files(dir)
	if err != nil {
		return nil, "", err
	}
	if why, err = inspect(dir); why == "" && err == nil {
		var raw *leveldb.DB
		if raw, err = leveldb.Open(fs, levelOptions(bytes)); err == nil {
			return &level{raw, fs}, "", nil
		}
	}
	return nil, why, errors.Join(err, fs.Close())
}
