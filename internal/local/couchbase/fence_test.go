package couchbase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/couchbasetest"
)

const (
	accessDeleted   = gocb.SubdocDocFlagAccessDeleted
	createAsDeleted = gocb.SubdocDocFlagAccessDeleted | gocb.SubdocDocFlagCreateAsDeleted
)

// Every write of the sink, in the order a document goes through them: what gocb
// says and what is there afterwards.
func TestFence(t *testing.T) {
	bucket := connect(t, couchbasetest.Start(t))
	f := fenced{t, bucket, bucket.Scope("app").Collection("docs")}
	const insert, replace, upsert = gocb.StoreSemanticsInsert, gocb.StoreSemanticsReplace, gocb.StoreSemanticsUpsert

	f.write("replace missing", "a", 1, replace, 0, gocb.ErrDocumentNotFound)
	first := f.write("insert", "a", 1, insert, 0, nil)
	f.write("insert again", "a", 2, insert, 0, gocb.ErrDocumentExists)
	f.write("insert with CAS", "a", 2, insert, first, gocb.ErrInvalidArgument)
	second := f.write("replace", "a", 2, replace, first, nil)
	f.write("replace, stale CAS", "a", 3, replace, first, gocb.ErrDocumentExists)
	f.write("upsert, stale CAS", "a", 3, upsert, first, gocb.ErrDocumentExists)
	third := f.write("upsert", "a", 3, upsert, second, nil)
	f.write("upsert with a CAS of what is not there", "b", 3, upsert, second, nil)
	f.is("a", `{"v":3}`, false, `{"n":3}`)

	f.remove("removal, stale CAS", "a", 4, second, gocb.ErrDocumentExists)
	tomb := f.remove("removal", "a", 4, third, nil)
	f.is("a", `{"v":4}`, true, "")
	f.remove("removal again", "a", 5, tomb, gocb.ErrDocumentNotFound)
	f.raise("raise, stale CAS", "a", 5, 0, third, accessDeleted, gocb.ErrDocumentExists)
	tomb = f.raise("raise", "a", 5, 0, tomb, accessDeleted, nil)
	f.is("a", `{"v":5}`, true, "")
	f.raise("create as deleted", "c", 1, insert, 0, createAsDeleted, nil)
	f.raise("create as deleted again", "c", 2, insert, 0, createAsDeleted, gocb.ErrDocumentExists)
	f.is("c", `{"v":1}`, true, "")

	f.write("replace over a tombstone", "a", 6, replace, tomb, gocb.ErrDocumentNotFound)
	f.revive("revive, stale CAS", "a", 6, third, gocbcore.ErrCasMismatch)
	live := f.revive("revive", "a", 6, tomb, nil)
	f.is("a", `{"v":6}`, false, `{"n":6}`)
	_, err := reviveInOne(bucket, "a", live, 7)
	var alive *gocbcore.KeyValueError
	if !errors.As(err, &alive) || alive.StatusCode != memd.StatusSubDocCanOnlyReviveDeletedDocuments {
		t.Errorf("revive what lives: got %v", err)
	}
	f.revive("revive what never was", "never", 7, 0, gocbcore.ErrDocumentNotFound)

	f.remove("removal", "a", 7, live, nil)
	f.write("insert over a tombstone", "a", 8, insert, 0, nil)
	f.is("a", `{"v":8}`, false, `{"n":8}`)
	f.write("key of 247 bytes", strings.Repeat("k", 247), 1, insert, 0, gocb.ErrInvalidArgument)
	long := &gocb.UpsertSpecOptions{IsXattr: true}
	f.mutate("xattr key of 15 bytes", "a", nil, nil, gocb.UpsertSpec("_23456789012345", 1, long))
	f.mutate("xattr key of 16 bytes", "a", nil, errAny, gocb.UpsertSpec("_234567890123456", 1, long))
}

// Of many that revive one tombstone under its CAS, over several connections, exactly one succeeds.
func TestReviveRace(t *testing.T) {
	bucket := connectTo(t, couchbasetest.Start(t).ConnectionString()+"?kv_pool_size=4")
	f := fenced{t, bucket, bucket.Scope("app").Collection("docs")}
	for round := range 20 {
		key := fmt.Sprint("raced", round)
		tomb := f.raise("create as deleted", key, 1, gocb.StoreSemanticsInsert, 0, createAsDeleted, nil)
		var won atomic.Int32
		var writers sync.WaitGroup
		for w := range 16 {
			writers.Go(func() {
				if _, err := reviveInOne(bucket, key, tomb, 100+w); err == nil {
					won.Add(1)
				}
			})
		}
		writers.Wait()
		if won.Load() != 1 {
			t.Errorf("%s: %d writers won", key, won.Load())
		}
	}
}

var errAny = errors.New("any error")

type fenced struct {
	t      *testing.T
	bucket *gocb.Bucket
	col    *gocb.Collection
}

func (f fenced) expect(step string, err, want error) {
	f.t.Helper()
	if !errors.Is(err, want) && (want != errAny || err == nil) {
		f.t.Errorf("%s: want %v, got %v", step, want, err)
	}
}

func fenceSpec(v int) gocb.MutateInSpec {
	return gocb.UpsertSpec("_c360", fields{"v": v}, &gocb.UpsertSpecOptions{IsXattr: true, CreatePath: true})
}

func (f fenced) mutate(step, key string, o *gocb.MutateInOptions, want error, specs ...gocb.MutateInSpec) gocb.Cas {
	f.t.Helper()
	r, err := f.col.MutateIn(key, specs, o)
	f.expect(step, err, want)
	if err != nil {
		return 0
	}
	return r.Cas()
}

func (f fenced) write(step, key string, v int, how gocb.StoreSemantics, cas gocb.Cas, want error) gocb.Cas {
	f.t.Helper()
	return f.mutate(step, key, &gocb.MutateInOptions{StoreSemantic: how, Cas: cas}, want, fenceSpec(v), gocb.ReplaceSpec("", fields{"n": v}, nil))
}

func (f fenced) remove(step, key string, v int, cas gocb.Cas, want error) gocb.Cas {
	f.t.Helper()
	return f.mutate(step, key, &gocb.MutateInOptions{Cas: cas}, want, fenceSpec(v), gocb.RemoveSpec("", nil))
}

func (f fenced) raise(step, key string, v int, how gocb.StoreSemantics, cas gocb.Cas, flags gocb.SubdocDocFlag, want error) gocb.Cas {
	f.t.Helper()
	o := &gocb.MutateInOptions{StoreSemantic: how, Cas: cas}
	o.Internal.DocFlags = flags
	return f.mutate(step, key, o, want, fenceSpec(v))
}

func (f fenced) revive(step, key string, v int, cas gocb.Cas, want error) gocb.Cas {
	f.t.Helper()
	cas, err := reviveInOne(f.bucket, key, cas, v)
	f.expect(step, err, want)
	return cas
}

// is looks at fence, life and body.
func (f fenced) is(key, fence string, deleted bool, body string) {
	f.t.Helper()
	o := &gocb.LookupInOptions{}
	o.Internal.DocFlags = accessDeleted
	x := &gocb.GetSpecOptions{IsXattr: true}
	r, err := f.col.LookupIn(key, []gocb.LookupInSpec{gocb.GetSpec("_c360", x), gocb.GetSpec("$document.deleted", x), gocb.GetSpec("", nil)}, o)
	if err != nil {
		f.t.Fatal(err)
	}
	var gotFence, gotBody json.RawMessage
	var dead bool
	err = errors.Join(r.ContentAt(0, &gotFence), r.ContentAt(1, &dead))
	if bodyErr := r.ContentAt(2, &gotBody); body != "" {
		err = errors.Join(err, bodyErr)
	}
	if err != nil || string(gotFence) != fence || dead != deleted || string(gotBody) != body {
		f.t.Errorf("%s: fence %s, deleted %v, body %s, %v", key, gotFence, dead, gotBody, err)
	}
}

// reviveInOne writes fence and body over a tombstone under its CAS, in one
// operation that gocb has no word for.
func reviveInOne(bucket *gocb.Bucket, key string, cas gocb.Cas, v int) (gocb.Cas, error) {
	agent, err := bucket.Internal().IORouter()
	if err != nil {
		return 0, err
	}
	const x, mkdirP = memd.SubdocFlagXattrPath, memd.SubdocFlagMkDirP
	type outcome struct {
		r   *gocbcore.MutateInResult
		err error
	}
	done := make(chan outcome, 1)
	_, err = agent.MutateIn(gocbcore.MutateInOptions{
		Key: []byte(key), Cas: gocbcore.Cas(cas), ScopeName: "app", CollectionName: "docs",
		Flags: memd.SubdocDocFlagAccessDeleted | memd.SubdocDocFlagReviveDocument,
		Ops: []gocbcore.SubDocOp{
			{Op: memd.SubDocOpDictSet, Flags: x | mkdirP, Path: "_c360", Value: fmt.Appendf(nil, `{"v":%d}`, v)},
			{Op: memd.SubDocOpDictSet, Flags: x, Path: "_staged", Value: fmt.Appendf(nil, `{"n":%d}`, v)},
			{Op: memd.SubDocOpReplaceBodyWithXattr, Flags: x, Path: "_staged"},
			{Op: memd.SubDocOpDelete, Flags: x, Path: "_staged"},
		}, Deadline: time.Now().Add(10 * time.Second),
	}, func(r *gocbcore.MutateInResult, err error) { done <- outcome{r, err} })
	if err != nil {
		return 0, err
	}
	o := <-done
	if o.err != nil {
		return 0, o.err
	}
	return gocb.Cas(o.r.Cas), nil
}
