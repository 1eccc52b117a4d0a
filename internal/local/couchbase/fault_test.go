package couchbase_test

import (
	"errors"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// What each kind of fault does to an upsert, as gocb tells it and as the document shows afterwards.
func TestFaults(t *testing.T) {
	node := couchbasetest.Start(t)
	col := connect(t, node).DefaultCollection()
	for name, c := range map[string]struct {
		fault   couchbase.Fault
		want    error
		applied bool
	}{
		"temporary":      {couchbase.Fault{Kind: couchbase.FaultTemporary}, gocb.ErrTemporaryFailure, false},
		"busy":           {couchbase.Fault{Kind: couchbase.FaultBusy}, gocb.ErrTemporaryFailure, false},
		"out of memory":  {couchbase.Fault{Kind: couchbase.FaultOutOfMemory}, gocbcore.ErrMemdOutOfMemory, false},
		"timeout before": {couchbase.Fault{Kind: couchbase.FaultTimeoutBefore}, gocb.ErrAmbiguousTimeout, false},
		"timeout after":  {couchbase.Fault{Kind: couchbase.FaultTimeoutAfter}, gocb.ErrAmbiguousTimeout, true},
		"close before":   {couchbase.Fault{Kind: couchbase.FaultCloseBefore}, errAny, false},
		"close after":    {couchbase.Fault{Kind: couchbase.FaultCloseAfter}, errAny, true},
		"slow":           {couchbase.Fault{Kind: couchbase.FaultSlow, Delay: 300 * time.Millisecond}, nil, true},
		"too slow":       {couchbase.Fault{Kind: couchbase.FaultSlow, Delay: time.Hour}, gocb.ErrAmbiguousTimeout, true},
		"other opcode":   {couchbase.Fault{Kind: couchbase.FaultBusy, Opcodes: []memd.CmdCode{memd.CmdGet}}, nil, true},
		"other bucket":   {couchbase.Fault{Kind: couchbase.FaultBusy, Bucket: "another"}, nil, true},
		"not my vbucket": {couchbase.Fault{Kind: couchbase.FaultNotMyVBucket}, nil, true}, // the SDK sends it again
		"locked":         {couchbase.Fault{Kind: couchbase.FaultLocked}, gocb.ErrDocumentLocked, false},
		"rate 0":         {couchbase.Fault{Kind: couchbase.FaultBusy, Rate: -1}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.fault.Times = 1
			if c.fault.Rate == 0 {
				c.fault.Rate = 1
			}
			node.SetFaults(c.fault)
			_, err := col.Upsert(name, 1, &gocb.UpsertOptions{RetryStrategy: failFast{}, Timeout: 800 * time.Millisecond})
			node.SetFaults()
			if !errors.Is(err, c.want) && (c.want != errAny || err == nil) {
				t.Errorf("want %v, got %v", c.want, err)
			}
			r, err := col.Exists(name, &gocb.ExistsOptions{Timeout: 10 * time.Second})
			if err != nil || r.Exists() != c.applied {
				t.Errorf("applied: want %v, got %v, %v", c.applied, r.Exists(), err)
			}
		})
	}
	if hits := node.FaultHits(); hits != 11 {
		t.Errorf("%d faults struck, want 9", hits)
	}
}

// A locked document can be read.
func TestFaultLockedIsOfWrites(t *testing.T) {
	node := couchbasetest.Start(t)
	col := connect(t, node).DefaultCollection()
	if _, err := col.Upsert("k", 1, nil); err != nil {
		t.Fatal(err)
	}
	node.SetFaults(couchbase.Fault{Kind: couchbase.FaultLocked, Rate: 1})
	if _, err := col.Get("k", nil); err != nil {
		t.Error(err)
	}
	if _, err := col.LookupIn("k", []gocb.LookupInSpec{gocb.GetSpec("", nil)}, nil); err != nil {
		t.Error(err)
	}
}

// A rate of a half strikes about half of the operations, and gocb's own retries get all through.
func TestFaultRate(t *testing.T) {
	node := couchbasetest.Start(t)
	col := connect(t, node).DefaultCollection()
	node.SetFaults(couchbase.Fault{Kind: couchbase.FaultTemporary, Rate: 0.5})
	const n = 60
	for i := range n {
		if _, err := col.Upsert("k", i, nil); err != nil {
			t.Fatal(err)
		}
	}
	if hits := node.FaultHits(); hits < n/3 || hits > 3*n {
		t.Errorf("%d faults struck %d operations", hits, n)
	}
}
