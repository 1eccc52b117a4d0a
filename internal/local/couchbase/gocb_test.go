package couchbase_test

import (
	"errors"
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

func TestSmoke(t *testing.T) {
	bucket := connect(t, couchbasetest.Start(t))
	col := bucket.Scope("app").Collection("docs")
	fence := func(v int) gocb.MutateInSpec {
		return gocb.UpsertSpec("_c360", map[string]int{"v": v}, &gocb.UpsertSpecOptions{IsXattr: true, CreatePath: true})
	}
	body := gocb.ReplaceSpec("", map[string]int{"n": 1}, nil)
	first, err := col.MutateIn("a", []gocb.MutateInSpec{fence(1), body}, &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsInsert})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := col.MutateIn("a", []gocb.MutateInSpec{fence(2), body}, &gocb.MutateInOptions{Cas: first.Cas()}); err != nil {
		t.Fatal(err)
	}
	if _, err := col.MutateIn("a", []gocb.MutateInSpec{fence(2), body}, &gocb.MutateInOptions{Cas: first.Cas()}); !errors.Is(err, gocb.ErrDocumentExists) {
		t.Fatalf("stale CAS: %v", err)
	}
	if _, err := col.Remove("a", nil); err != nil {
		t.Fatal(err)
	}
	options := &gocb.LookupInOptions{}
	options.Internal.DocFlags = gocb.SubdocDocFlagAccessDeleted
	look, err := col.LookupIn("a", []gocb.LookupInSpec{gocb.GetSpec("_c360.v", &gocb.GetSpecOptions{IsXattr: true})}, options)
	if err != nil {
		t.Fatal(err)
	}
	var v int
	if err := look.ContentAt(0, &v); err != nil || v != 2 {
		t.Fatalf("the tombstone's fence: %d, %v", v, err)
	}
	if _, err := col.Upsert("b", "text", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := col.Get("b", nil); err != nil {
		t.Fatal(err)
	}
}
