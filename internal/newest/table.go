package newest

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// Folder is a temporary database in which several tables lie.
type Folder struct {
	path string
	db   *leveldb.DB
}

// Open makes a temporary folder below dir; "" is the system's one.
func Open(dir, use string) (*Folder, error) {
	path, err := os.MkdirTemp(dir, "customer360-"+use+"-")
	if err != nil {
		return nil, fmt.Errorf("a temporary folder for %s: %w; name another one with --temp", use, err)
	}
	// Nothing of it is read after a crash, so nothing waits for the disk.
	db, err := leveldb.OpenFile(path, &opt.Options{NoSync: true, WriteBuffer: 16 << 20, CompactionTableSize: 8 << 20, BlockCacheCapacity: 16 << 20,
		OpenFilesCacheCapacity: 256})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a temporary folder for %s: %w", use, err), os.RemoveAll(path))
	}
	return &Folder{path: path, db: db}, nil
}

// Close removes the folder.
func (f *Folder) Close() error {
	return errors.Join(f.db.Close(), os.RemoveAll(f.path))
}

// Discard is Close for a defer: a folder that cannot be removed is told to log.
func (f *Folder) Discard(log *slog.Logger) {
	if err := f.Close(); err != nil {
		log.Warn("the temporary folder stays", "error", err)
	}
}

// Table is one map in a folder, from keys to values, in the order of the keys'
// bytes. It is not safe for concurrent use, but for Get beside Get, and beside
// what Each calls.
type Table struct {
	folder *Folder
	prefix byte
	batch  leveldb.Batch
	bytes  int
	fresh  map[string][]byte // what the batch holds; nil: deleted
}

// Table is the table of that letter.
func (f *Folder) Table(letter byte) *Table {
	return &Table{folder: f, prefix: letter, fresh: map[string][]byte{}}
}

// batchBytes is how much is handed to the database at a time.
const batchBytes = 1 << 20

func (t *Table) key(key []byte) []byte { return append([]byte{t.prefix}, key...) }

// Put sets a key's value.
func (t *Table) Put(key, value []byte) error {
	t.fresh[string(key)] = append([]byte{}, value...)
	t.batch.Put(t.key(key), value)
	return t.grown(len(key) + len(value))
}

// Delete forgets a key.
func (t *Table) Delete(key []byte) error {
	t.fresh[string(key)] = nil
	t.batch.Delete(t.key(key))
	return t.grown(len(key))
}

func (t *Table) grown(n int) error {
	if t.bytes += n + 16; t.bytes < batchBytes {
		return nil
	}
	return t.Flush()
}

// Flush hands what was put and deleted to the database.
func (t *Table) Flush() error {
	if t.batch.Len() == 0 {
		return nil
	}
	if err := t.folder.db.Write(&t.batch, nil); err != nil {
		return fmt.Errorf("the temporary folder %s: %w; name one with more space with --temp", t.folder.path, err)
	}
	t.batch.Reset()
	clear(t.fresh)
	t.bytes = 0
	return nil
}

// Get reads a key's value, nil where there is none; it must not be changed.
func (t *Table) Get(key []byte) ([]byte, error) {
	if value, ok := t.fresh[string(key)]; ok {
		return value, nil
	}
	value, err := t.folder.db.Get(t.key(key), nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the temporary folder %s: %w", t.folder.path, err)
	case value == nil:
		value = []byte{}
	}
	return value, nil
}

// Each calls fn with every key and value as of the time of the call, in order.
// Both are only valid during the call of fn. An error of fn ends it.
func (t *Table) Each(fn func(key, value []byte) error) error {
	if err := t.Flush(); err != nil {
		return err
	}
	it := t.folder.db.NewIterator(util.BytesPrefix([]byte{t.prefix}), nil)
	defer it.Release()
	for it.Next() {
		if err := fn(it.Key()[1:], it.Value()); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("the temporary folder %s: %w", t.folder.path, err)
	}
	return nil
}
