package couchbase

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"

	"customer360/internal/filesystem"
)

// The first byte of a key in the store says what it is. A bucket's keys all
// begin with it and the bucket's id.
const (
	keyBucketID   = 'B' // B name -> id
	keyState      = 'S' // S id -> bucket state
	keyCollection = 'C' // C id scope 0 collection -> collection id
	keyDocument   = 'd' // d id address -> record
	keyExpiry     = 'e' // e id time address -> nothing: live documents with an expiry
	keyTombstone  = 't' // t id time address -> nothing: tombstones by time of removal
)

// address is where a document lies in its bucket: vbucket (2 bytes), collection
// id (4 bytes), key.
type address string

func addressOf(vbucket uint16, collection uint32, key []byte) address {
	b := make([]byte, 6, 6+len(key))
	binary.BigEndian.PutUint16(b, vbucket)
	binary.BigEndian.PutUint32(b[2:], collection)
	return address(append(b, key...))
}

func (a address) vbucket() uint16 { return uint16(a[0])<<8 | uint16(a[1]) }

func prefixed(kind byte, bucketID uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, 64), kind), bucketID)
}

func documentKey(bucketID uint32, a address) []byte {
	return append(prefixed(keyDocument, bucketID), a...)
}

// timedKeyBytes is the length of a timed key in front of the address.
const timedKeyBytes = 1 + 4 + 4

func timedKey(kind byte, bucketID, time uint32, a address) []byte {
	return append(binary.BigEndian.AppendUint32(prefixed(kind, bucketID), time), a...)
}

// openStorage opens the files of the data folder. A test puts a failing one in its place.
type openStorage func(dir string) (storage.Storage, error)

func openFiles(dir string) (storage.Storage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	files, err := storage.OpenFile(dir, false)
	if filesystem.InUse(err) || errors.Is(err, storage.ErrLocked) {
		return nil, fmt.Errorf("data folder %s is in use by another node: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	return files, nil
}

// openStore opens the database. Its journal is handed to the operating system
// with every write, so what was written outlives the process, not the machine.
func openStore(dir string, open openStorage) (*leveldb.DB, func() error, error) {
	files, err := open(dir)
	if err != nil {
		return nil, nil, err
	}
	db, err := leveldb.Open(files, &opt.Options{
		Compression:            opt.NoCompression, // SDKs send compressed bodies already
		Filter:                 filter.NewBloomFilter(10),
		BlockCacheCapacity:     32 << 20,
		WriteBuffer:            16 << 20,
		CompactionTableSize:    8 << 20,
		WriteL0SlowdownTrigger: 16,
		WriteL0PauseTrigger:    32,
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the store in %s: %w", dir, err), files.Close())
	}
	return db, func() error { return errors.Join(db.Close(), files.Close()) }, nil
}
