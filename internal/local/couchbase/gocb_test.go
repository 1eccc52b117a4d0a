package couchbase_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// connect opens the bucket "default" through gocb, as any program would.
func connect(t testing.TB, n *couchbase.Node) *gocb.Bucket {
	t.Helper()
	return connectTo(t, n.ConnectionString())
}

func connectTo(t testing.TB, address string) *gocb.Bucket {
	t.Helper()
	cluster, err := gocb.Connect(address, gocb.ClusterOptions{Username: couchbasetest.Username, Password: couchbasetest.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(nil); err != nil {
			t.Error(err)
		}
	})
	bucket := cluster.Bucket("default")
	err = bucket.WaitUntilReady(10*time.Second, &gocb.WaitUntilReadyOptions{ServiceTypes: []gocb.ServiceType{gocb.ServiceTypeKeyValue}})
	if err != nil {
		t.Fatalf("bucket at %s: %v", address, err)
	}
	return bucket
}

type fields map[string]any

// Every operation that programs use, as gocb reports its outcome. The rows run
// in order on one bucket; want nil is success.
func TestGocb(t *testing.T) {
	node := couchbasetest.Start(t)
	for _, form := range []string{"couchbase://" + node.Addr(), "couchbase://" + node.Addr() + "=mcd"} {
		connectTo(t, form)
	}
	bucket := connect(t, node)
	for _, col := range []*gocb.Collection{bucket.DefaultCollection(), bucket.Scope("app").Collection("docs")} {
		t.Run(col.Name(), func(t *testing.T) {
			for _, row := range gocbRows(t, col) {
				if err := row.do(); !errors.Is(err, row.want) {
					t.Errorf("%s: want %v, got %v", row.name, row.want, err)
				}
			}
		})
	}
	if n, err := node.Count("default"); err != nil || n == 0 {
		t.Errorf("count: %d, %v", n, err)
	}
	if _, err := node.Count("nothing"); err == nil {
		t.Error("an unknown bucket has a count")
	}
}

type gocbRow struct {
	name string
	want error
	do   func() error
}

// cas returns the document's CAS, or 0.
func casOf(col *gocb.Collection, key string) gocb.Cas {
	if r, err := col.Get(key, nil); err == nil {
		return r.Cas()
	}
	return 0
}

func gocbRows(t *testing.T, col *gocb.Collection) []gocbRow {
	const stale = gocb.Cas(12345)
	content := func(key string, want fields) error {
		r, err := col.Get(key, nil)
		if err != nil {
			return err
		}
		got := fields{}
		return firstError(r.Content(&got), unless(reflect.DeepEqual(got, want), "%s is %v, not %v", key, got, want))
	}
	expiryOf := func(key string) (time.Duration, error) {
		r, err := col.Get(key, &gocb.GetOptions{WithExpiry: true})
		if err != nil || r.ExpiryTime().IsZero() {
			return 0, err
		}
		return time.Until(r.ExpiryTime()).Round(5 * time.Minute), nil
	}
	expires := func(key string, want time.Duration) error {
		got, err := expiryOf(key)
		return firstError(err, unless(got == want, "%s expires in %v, not %v", key, got, want))
	}
	upsert := func(key string, o *gocb.UpsertOptions) error {
		_, err := col.Upsert(key, fields{"k": "v"}, o)
		return err
	}
	mutate := func(key string, o *gocb.MutateInOptions, specs ...gocb.MutateInSpec) error {
		_, err := col.MutateIn(key, specs, o)
		return err
	}
	var lock gocb.Cas
	return []gocbRow{
		{"upsert", nil, func() error { return upsert("a", nil) }},
		{"get", nil, func() error { return content("a", fields{"k": "v"}) }},
		{"get missing", gocb.ErrDocumentNotFound, func() error { return content("none", nil) }},
		{"exists", nil, func() error {
			r, err := col.Exists("a", nil)
			return firstError(err, unless(r.Exists(), "it does not exist"))
		}},
		{"exists not", nil, func() error {
			r, err := col.Exists("none", nil)
			return firstError(err, unless(!r.Exists(), "it exists"))
		}},
		{"insert existing", gocb.ErrDocumentExists, func() error { _, err := col.Insert("a", 1, nil); return err }},
		{"replace", nil, func() error {
			_, err := col.Replace("a", fields{"n": 2.0}, &gocb.ReplaceOptions{Cas: casOf(col, "a")})
			return err
		}},
		{"replace, stale CAS", gocb.ErrCasMismatch, func() error { _, err := col.Replace("a", 3, &gocb.ReplaceOptions{Cas: stale}); return err }},
		{"replace missing", gocb.ErrDocumentNotFound, func() error { _, err := col.Replace("none", 3, nil); return err }},
		{"replaced", nil, func() error { return content("a", fields{"n": 2.0}) }},
		{"touch", nil, func() error { _, err := col.Touch("a", time.Hour, nil); return err }},
		{"touched", nil, func() error { return expires("a", time.Hour) }},
		{"get and touch", nil, func() error { _, err := col.GetAndTouch("a", 2*time.Hour, nil); return err }},
		{"touched again", nil, func() error { return expires("a", 2*time.Hour) }},
		{"upsert, preserving", nil, func() error { return upsert("a", &gocb.UpsertOptions{PreserveExpiry: true}) }},
		{"preserved", nil, func() error { return expires("a", 2*time.Hour) }},
		{"upsert", nil, func() error { return upsert("a", nil) }},
		{"not preserved", nil, func() error { return expires("a", 0) }},
		{"40 days", nil, func() error { return upsert("a", &gocb.UpsertOptions{Expiry: 40 * 24 * time.Hour}) }},
		{"expires in 40 days", nil, func() error { return expires("a", 40*24*time.Hour) }},
		{"lock", nil, func() error {
			r, err := col.GetAndLock("a", 10*time.Second, nil)
			if err == nil {
				lock = r.Cas()
			}
			return err
		}},
		{"upsert locked", gocb.ErrDocumentLocked, func() error {
			return upsert("a", &gocb.UpsertOptions{RetryStrategy: failFast{}}) // by default gocb waits for the lock's end
		}},
		{"unlock, wrong CAS", gocb.ErrCasMismatch, func() error { return col.Unlock("a", stale, nil) }},
		{"unlock", nil, func() error { return col.Unlock("a", lock, nil) }},
		{"append", nil, func() error {
			if _, err := col.Upsert("raw", []byte("b"), &gocb.UpsertOptions{Transcoder: gocb.NewRawBinaryTranscoder()}); err != nil {
				return err
			}
			_, err := col.Binary().Append("raw", []byte("c"), nil)
			return err
		}},
		{"prepend", nil, func() error { _, err := col.Binary().Prepend("raw", []byte("a"), nil); return err }},
		{"concatenated", nil, func() error {
			var raw []byte
			r, err := col.Get("raw", &gocb.GetOptions{Transcoder: gocb.NewRawBinaryTranscoder()})
			if err != nil {
				return err
			}
			return firstError(r.Content(&raw), unless(string(raw) == "abc", "it is %q", raw))
		}},
		{"counter", nil, func() error {
			var last uint64
			for range 3 {
				r, err := col.Binary().Increment("counter", &gocb.IncrementOptions{Initial: 5, Delta: 2})
				if err != nil {
					return err
				}
				last = r.Content()
			}
			return unless(last == 9, "it counted to %d", last)
		}},
		{"sub-document", nil, func() error {
			return mutate("a", nil, gocb.UpsertSpec("x.y", 5, &gocb.UpsertSpecOptions{CreatePath: true}), gocb.IncrementSpec("n", 3, nil),
				gocb.ArrayAppendSpec("l", 1, &gocb.ArrayAppendSpecOptions{CreatePath: true}), gocb.ArrayAddUniqueSpec("l", 2, nil), gocb.RemoveSpec("k", nil))
		}},
		{"sub-document seen", nil, func() error {
			return content("a", fields{"x": map[string]any{"y": 5.0}, "n": 3.0, "l": []any{1.0, 2.0}})
		}},
		{"projection", nil, func() error {
			r, err := col.Get("a", &gocb.GetOptions{Project: []string{"n"}})
			if err != nil {
				return err
			}
			var got fields
			return firstError(r.Content(&got), unless(reflect.DeepEqual(got, fields{"n": 3.0}), "got %v", got))
		}},
		{"durability", nil, func() error {
			return upsert("a", &gocb.UpsertOptions{DurabilityLevel: gocb.DurabilityLevelPersistToMajority})
		}},
		{"observed durability", nil, func() error { return upsert("a", &gocb.UpsertOptions{PersistTo: 1}) }},
		{"compressed", nil, func() error { _, err := col.Upsert("z", fields{"z": strings.Repeat("z", 5000)}, nil); return err }},
		{"inflated", nil, func() error { return content("z", fields{"z": strings.Repeat("z", 5000)}) }},
		{"too large", gocb.ErrValueTooLarge, func() error { _, err := col.Upsert("z", strings.Repeat("y", 21<<20), nil); return err }},
		{"key too long", gocb.ErrInvalidArgument, func() error { return upsert(strings.Repeat("k", 251), nil) }},
		{"bulk", nil, func() error { return bulk(col) }},
		{"remove, stale CAS", gocb.ErrCasMismatch, func() error { _, err := col.Remove("a", &gocb.RemoveOptions{Cas: stale}); return err }},
		{"remove", nil, func() error { _, err := col.Remove("a", nil); return err }},
		{"remove again", gocb.ErrDocumentNotFound, func() error { _, err := col.Remove("a", nil); return err }},
	}
}

func bulk(col *gocb.Collection) error {
	insert := &gocb.InsertOp{ID: "bulk1", Value: 1}
	ops := []gocb.BulkOp{insert}
	for i := range 500 {
		ops = append(ops, &gocb.UpsertOp{ID: fmt.Sprint("bulk", i), Value: i})
	}
	if err := col.Do(ops, nil); err != nil {
		return err
	}
	for _, op := range ops[1:] {
		if err := op.(*gocb.UpsertOp).Err; err != nil {
			return err
		}
	}
	again := &gocb.InsertOp{ID: "bulk1", Value: 1}
	if err := col.Do([]gocb.BulkOp{again}, nil); err != nil {
		return err
	}
	return firstError(insert.Err, unless(errors.Is(again.Err, gocb.ErrDocumentExists), "insert again: %v", again.Err))
}

// A wrong password and an unknown user get nowhere, neither by SCRAM (gocb's
// choice) nor by PLAIN (see the transcripts), and are told why.
func TestGocbIsRefused(t *testing.T) {
	node := couchbasetest.Start(t)
	for name, options := range map[string]gocb.ClusterOptions{
		"password": {Username: couchbasetest.Username, Password: "another"},
		"user":     {Username: "nobody", Password: couchbasetest.Password},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := gocb.Connect(node.ConnectionString(), options)
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close(nil)
			kv := []gocb.ServiceType{gocb.ServiceTypeKeyValue}
			err = cluster.Bucket("default").WaitUntilReady(time.Second, &gocb.WaitUntilReadyOptions{ServiceTypes: kv, RetryStrategy: failFast{}})
			if !errors.Is(err, gocb.ErrAuthenticationFailure) {
				t.Errorf("got %v", err)
			}
		})
	}
}

type failFast struct{}

func (failFast) RetryAfter(gocb.RetryRequest, gocb.RetryReason) gocb.RetryAction {
	return &gocb.NoRetryRetryAction{}
}
