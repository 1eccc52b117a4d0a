package couchbase_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// serveUntilKilled is the child process: it says where it listens and serves.
func serveUntilKilled(dir string) error {
	node, err := couchbase.New(settings(dir), couchbase.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	go func() {
		<-node.Ready()
		fmt.Println(node.ConnectionString())
	}()
	return node.Run(context.Background())
}

// A process that is killed (SIGKILL) in the middle of writing loses nothing that
// it acknowledged: bodies, fences and removals are all there after the restart.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	var acknowledged sync.Map // key -> version; negative: removed
	for round := range 3 {
		address, kill := startChild(t, dir)
		writeUntilKilled(t, address, round, &acknowledged, kill)
	}

	node := couchbasetest.Start(t, func(c *couchbase.Config) { c.Dir = dir })
	col := connect(t, node).Scope("app").Collection("docs")
	checked := 0
	acknowledged.Range(func(key, version any) bool {
		checked++
		if err := has(col, key.(string), version.(int)); err != nil {
			t.Errorf("%s, acknowledged as version %d: %v", key, version, err)
		}
		return !t.Failed()
	})
	t.Logf("%d acknowledged writes are there", checked)
	if checked < 100 {
		t.Errorf("only %d writes were acknowledged", checked)
	}
}

func startChild(t *testing.T, dir string) (address string, kill func()) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDirEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	return strings.TrimSpace(address), func() {
		if err := child.Process.Kill(); err != nil {
			t.Error(err)
		}
		child.Wait() // says that it was killed
	}
}

// writeUntilKilled lets eight writers work for a moment and then kills the node under them.
func writeUntilKilled(t *testing.T, address string, round int, acknowledged *sync.Map, kill func()) {
	cluster, err := gocb.Connect(address, gocb.ClusterOptions{Username: couchbasetest.Username, Password: couchbasetest.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close(nil)
	bucket := cluster.Bucket("default")
	if err := bucket.WaitUntilReady(10*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	col := bucket.Scope("app").Collection("docs")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var writers sync.WaitGroup
	var written atomic.Int64
	for w := range 8 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%d-%d-%d", round, w, i)
				r, err := col.MutateIn(key, versioned(1), &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsInsert, Context: ctx})
				if err != nil {
					return
				}
				acknowledged.Store(key, 1)
				written.Add(1)
				if i%3 == 0 {
					removal := []gocb.MutateInSpec{versioned(2)[0], gocb.RemoveSpec("", nil)}
					if _, err := col.MutateIn(key, removal, &gocb.MutateInOptions{Cas: r.Cas(), Context: ctx}); err != nil {
						acknowledged.Delete(key) // it may or may not have happened
						return
					}
					acknowledged.Store(key, -2)
				}
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); written.Load() < 300 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	kill()
	stop()
	writers.Wait()
}

func versioned(v int) []gocb.MutateInSpec {
	return []gocb.MutateInSpec{
		gocb.UpsertSpec("_c360", v, &gocb.UpsertSpecOptions{IsXattr: true, CreatePath: true}),
		gocb.ReplaceSpec("", map[string]int{"n": v}, nil),
	}
}

func has(col *gocb.Collection, key string, version int) error {
	options := &gocb.LookupInOptions{}
	options.Internal.DocFlags = gocb.SubdocDocFlagAccessDeleted
	x := &gocb.GetSpecOptions{IsXattr: true}
	look, err := col.LookupIn(key, []gocb.LookupInSpec{gocb.GetSpec("_c360", x), gocb.GetSpec("$document.deleted", x), gocb.GetSpec("", nil)}, options)
	if err != nil {
		return err
	}
	var fence int
	var dead bool
	var body struct{ N int }
	err = errors.Join(look.ContentAt(0, &fence), look.ContentAt(1, &dead))
	if version < 0 {
		return firstError(err, unless(fence == -version && dead, "fence %d, deleted %v", fence, dead))
	}
	return firstError(err, look.ContentAt(2, &body), unless(fence == version && !dead && body.N == version, "fence %d, deleted %v, body %d", fence, dead, body.N))
}
