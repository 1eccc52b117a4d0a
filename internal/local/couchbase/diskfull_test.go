package couchbase_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/syndtr/goleveldb/leveldb/storage"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// fullDisk is the store's files on a disk that can be full.
type fullDisk struct {
	storage.Storage
	full *atomic.Bool
}

func (d fullDisk) Create(fd storage.FileDesc) (storage.Writer, error) {
	if d.full.Load() {
		return nil, syscall.ENOSPC
	}
	w, err := d.Storage.Create(fd)
	return fullFile{w, d.full}, err
}

type fullFile struct {
	storage.Writer
	full *atomic.Bool
}

func (f fullFile) Write(b []byte) (int, error) {
	if f.full.Load() {
		return 0, syscall.ENOSPC
	}
	return f.Writer.Write(b)
}

// On a full disk no write is acknowledged, Run ends with the reason, and all
// that was acknowledged before is there when the disk has space again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	var full atomic.Bool
	node, err := couchbase.New(settings(dir), couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	node.OpenWith(func(dir string) (storage.Storage, error) {
		files, err := couchbase.OpenFiles(dir)
		return fullDisk{files, &full}, err
	})
	ended := make(chan error, 1)
	go func() { ended <- node.Run(context.Background()) }()
	<-node.Ready()
	cluster, err := gocb.Connect(node.ConnectionString(), gocb.ClusterOptions{Username: couchbasetest.Username, Password: couchbasetest.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close(nil)
	bucket := cluster.Bucket("default")
	if err := bucket.WaitUntilReady(10*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	col := bucket.DefaultCollection()

	var acknowledged sync.Map
	var writers sync.WaitGroup
	var refused atomic.Int32
	for w := range 8 {
		writers.Go(func() {
			for i := range 100000 {
				key := fmt.Sprint(w, "-", i)
				whole := full.Load()
				if _, err := col.Upsert(key, i, &gocb.UpsertOptions{Timeout: time.Second}); err != nil {
					refused.Add(1)
					return
				}
				acknowledged.Store(key, true)
				if whole {
					t.Errorf("%s was acknowledged on a full disk", key)
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	full.Store(true)
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Run ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run goes on with a full disk")
	}
	writers.Wait()
	if refused.Load() != 8 {
		t.Errorf("%d of 8 writers were refused", refused.Load())
	}

	full.Store(false)
	again := connect(t, couchbasetest.Start(t, func(c *couchbase.Config) { c.Dir = dir })).DefaultCollection()
	acknowledged.Range(func(key, _ any) bool {
		if _, err := again.Get(key.(string), nil); err != nil {
			t.Errorf("%s was acknowledged: %v", key, err)
		}
		return !t.Failed()
	})
}
