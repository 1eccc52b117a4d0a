package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/twmb/franz-go/pkg/kadm"
)

// The engine's own keys in leveldb, and where its entry of 37 bytes holds the
// changelog's offset.
const (
	ownKeys    = "\x00engine:"
	metaKey    = ownKeys + "meta"
	metaBytes  = 37
	metaOffset = 21
)

// folders calls visit with each leveldb of a group's table at an instance that
// does not run.
func (c *cluster) folders(instance, group string, visit func(db *leveldb.DB) error) {
	c.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(c.in(instance), group, group+"-table.*"))
	if err != nil || len(dirs) == 0 {
		c.t.Fatalf("no local state of %s at %s: %v", group, instance, err)
	}
	for _, dir := range dirs {
		db, err := leveldb.OpenFile(dir, nil)
		if err != nil {
			c.t.Fatalf("opening %s: %v", dir, err)
		}
		err = visit(db)
		if closed := db.Close(); err != nil || closed != nil {
			c.t.Fatalf("%s: %v, %v", dir, err, closed)
		}
	}
}

// table is all of a group's table in the folders of an instance.
func (c *cluster) table(instance, group string) map[string]string {
	c.t.Helper()
	values := map[string]string{}
	c.folders(instance, group, func(db *leveldb.DB) error {
		it := db.NewIterator(nil, nil)
		defer it.Release()
		for it.Next() {
			if !strings.HasPrefix(string(it.Key()), ownKeys) {
				values[string(it.Key())] = string(it.Value())
			}
		}
		return it.Error()
	})
	return values
}

// makeDirty puts the folders ahead of the changelog, by a million offsets,
// with each key's value exchanged for its neighbour's.
func (c *cluster) makeDirty(instance, group string) {
	c.t.Helper()
	changed := 0
	c.folders(instance, group, func(db *leveldb.DB) error {
		meta, err := db.Get([]byte(metaKey), nil)
		if err != nil || len(meta) != metaBytes {
			return fmt.Errorf("the engine's entry has %d bytes, %w", len(meta), err)
		}
		binary.BigEndian.PutUint64(meta[metaOffset:], binary.BigEndian.Uint64(meta[metaOffset:])+1_000_000)
		batch := new(leveldb.Batch)
		batch.Put([]byte(metaKey), meta)
		it := db.NewIterator(nil, nil)
		defer it.Release()
		var before []byte
		for it.Next() {
			if strings.HasPrefix(string(it.Key()), ownKeys) {
				continue
			}
			if before != nil {
				batch.Put(it.Key(), before)
				changed++
			}
			before = slices.Clone(it.Value())
		}
		return db.Write(batch, nil)
	})
	if changed == 0 {
		c.t.Fatal("no value was changed")
	}
}

// owns says whether an instance owns that many partitions of each input of a
// group, in a stable generation.
func (c *cluster) owns(instance, group string, partitions int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	described, err := kadm.NewClient(c.client).DescribeGroups(ctx, group)
	if err != nil || described[group].State != "Stable" {
		return false
	}
	for _, m := range described[group].Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && m.ClientID == instance {
			for _, t := range assigned.Topics {
				return len(t.Partitions) == partitions
			}
		}
	}
	return false
}

// happens waits for something that is closed when it has happened.
func (c *cluster) happens(what string, done <-chan struct{}) {
	c.t.Helper()
	select {
	case <-done:
	case <-time.After(deadline):
		c.t.Fatalf("after %v: not yet: %s", deadline, what)
	}
}
