package couchbase_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

func startWithHistory(t *testing.T) *couchbase.Node {
	t.Helper()
	return couchbasetest.Start(t, func(c *couchbase.Config) { c.FailoverHistory = 100 })
}

// numberAt is a document's content, 0 where there is none. A connection to the dead
// node may be the first to be tried.
func numberAt(t *testing.T, col *gocb.Collection, key string) (n int) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
		r, err := col.Get(key, nil)
		if errors.Is(err, gocb.ErrDocumentNotFound) {
			return 0
		}
		if err == nil {
			err = r.Content(&n)
		}
		if err == nil {
			return n
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// The newest writes are gone, whatever they were, and nothing else.
func TestFailoverLosesTheNewestWrites(t *testing.T) {
	node := startWithHistory(t)
	col := connect(t, node).DefaultCollection()
	upsert := func(key string, value int) {
		t.Helper()
		if _, err := col.Upsert(key, value, nil); err != nil {
			t.Fatal(err)
		}
	}
	upsert("kept", 1)
	upsert("changed", 1)
	upsert("removed", 1)
	before, err := node.Count("default")
	if err != nil {
		t.Fatal(err)
	}
	upsert("changed", 2)
	upsert("changed", 3)
	if _, err := col.Remove("removed", nil); err != nil {
		t.Fatal(err)
	}
	upsert("new", 1)
	if gone, err := node.Failover("default", 4); gone != 4 || err != nil {
		t.Fatalf("%d writes gone, %v", gone, err)
	}
	for key, want := range map[string]int{"kept": 1, "changed": 1, "removed": 1, "new": 0} {
		if got := numberAt(t, col, key); got != want {
			t.Errorf("%s is %d, want %d", key, got, want)
		}
	}
	if n, err := node.Count("default"); n != before || err != nil {
		t.Errorf("%d documents, %v; want %d", n, err, before)
	}
	if gone, err := node.Failover("default", 101); gone != 0 || err == nil {
		t.Errorf("more lost than is remembered: %d, %v", gone, err)
	}
	if _, err := node.Failover("nowhere", 1); err == nil {
		t.Error("a failover of no bucket")
	}
}

// What a majority has acknowledged is on the replica, and all before it in its vbucket.
func TestFailoverKeepsDurableWrites(t *testing.T) {
	node := startWithHistory(t)
	col := connect(t, node).DefaultCollection()
	for i := range 3 {
		if _, err := col.Upsert("k", i, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := col.Upsert("k", 3, &gocb.UpsertOptions{DurabilityLevel: gocb.DurabilityLevelMajority}); err != nil {
		t.Fatal(err)
	}
	if _, err := col.Upsert("k", 4, nil); err != nil {
		t.Fatal(err)
	}
	if gone, err := node.Failover("default", 100); gone != 1 || err != nil {
		t.Errorf("%d writes gone, %v; want 1", gone, err)
	}
	if got := numberAt(t, col, "k"); got != 3 {
		t.Errorf("k is %d, want 3", got)
	}
}

// A mutation's token and OBSERVE_SEQNO tell that the history is another one; CAS values never come again.
func TestFailoverBeginsANewHistory(t *testing.T) {
	node := startWithHistory(t)
	bucket := connect(t, node)
	agent, err := bucket.Internal().IORouter()
	if err != nil {
		t.Fatal(err)
	}
	write := func(i int) *gocb.MutationResult {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) { // the connection to the dead node may be the first to be tried
			r, err := bucket.DefaultCollection().Upsert("k", fmt.Sprint(i), nil)
			if err == nil {
				return r
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	write(1)
	old := write(2)
	if _, err := node.Failover("default", 1); err != nil {
		t.Fatal(err)
	}
	now := write(3)
	before, after := old.MutationToken(), now.MutationToken()
	if before.PartitionUUID() == after.PartitionUUID() || after.SequenceNumber() != before.SequenceNumber() {
		t.Errorf("the token was %+v and is %+v: want another uuid, and the number of the lost write again", before, after)
	}
	if now.Cas() <= old.Cas() {
		t.Errorf("CAS %d after %d", now.Cas(), old.Cas())
	}
	type answer struct {
		r   *gocbcore.ObserveVbResult
		err error
	}
	answers := make(chan answer, 1)
	if _, err := agent.ObserveVb(gocbcore.ObserveVbOptions{VbID: uint16(before.PartitionID()), VbUUID: gocbcore.VbUUID(before.PartitionUUID()),
		Deadline: time.Now().Add(20 * time.Second)}, func(r *gocbcore.ObserveVbResult, err error) { answers <- answer{r, err} }); err != nil {
		t.Fatal(err)
	}
	a := <-answers
	if a.err != nil || !a.r.DidFailover || a.r.OldVbUUID != gocbcore.VbUUID(before.PartitionUUID()) || a.r.VbUUID != gocbcore.VbUUID(after.PartitionUUID()) ||
		uint64(a.r.LastSeqNo) != before.SequenceNumber() {
		t.Errorf("OBSERVE_SEQNO of the old history: %+v, %v", a.r, a.err)
	}
}

// As a fault: now and then the newest writes are gone.
func TestFaultFailover(t *testing.T) {
	node := startWithHistory(t)
	col := connect(t, node).DefaultCollection()
	if _, err := col.Upsert("k", 1, nil); err != nil {
		t.Fatal(err)
	}
	hits := node.FaultHits()
	node.SetFaults(couchbase.Fault{Kind: couchbase.FaultFailover, Lost: 1, Delay: time.Millisecond, Times: 1})
	for end := time.Now().Add(60 * time.Second); node.FaultHits() == hits; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no failover")
		}
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
		if numberAt(t, col, "k") == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the write is still there")
		}
	}
}
