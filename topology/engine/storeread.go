package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
)

func (s *store) Has(key string) (bool, error) {
	v, err := s.Get(key)
	return v != nil, err
}

func (s *store) Get(key string) ([]byte, error) {
	s.mu.RLock()
	v, ok := s.open.values[key]
	if !ok {
		v, ok = s.sealed.values[key]
	}
	if !ok && s.cache != nil {
		v, ok = s.cache.get(key)
	}
	if !ok { // the cache may have a later commit
		v, ok = s.writing[key]
	}
	generation := s.generation
	s.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := s.db.Get([]byte(key), nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil, nil
	case err != nil:
		s.mu.Lock()
		err = fmt.Errorf("reading %s: %w", s.name, err)
		s.broke(err)
		s.mu.Unlock()
		return nil, s.report(err)
	}
	if s.cache != nil {
		s.mu.Lock()
		if s.generation == generation { // what was read is still so
			s.cache.add(key, v)
		}
		s.mu.Unlock()
	}
	return v, nil
}

// each iterates over the committed table. It is called between recovery and
// the first message.
func (s *store) each(fn func(key string, value []byte) error) error {
	s.mu.Lock()
	s.settle()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return err
	}
	it := s.db.NewIterator(nil, nil)
	defer it.Release()
	for it.Next() {
		if key := it.Key(); !strings.HasPrefix(string(key), ownPrefix) {
			if err := fn(string(key), it.Value()); err != nil {
				return err
			}
		}
	}
	if err := it.Error(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		err = fmt.Errorf("reading %s: %w", s.name, err)
		s.broke(err)
		return err
	}
	return nil
}

// size of the files, in bytes.
func (s *store) size() (bytes int64) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0 // writes tell what is wrong
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

func (s *store) Iterator() (storage.Iterator, error) { return nil, errNoIterator }
func (s *store) IteratorWithRange(_, _ []byte) (storage.Iterator, error) {
	return nil, errNoIterator
}

var errNoIterator = errors.New("tables have no iterator here: use Hooks.Recovered")
