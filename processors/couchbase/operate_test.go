package couchbase

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"
)

// TestOperation holds the steps to the calls that were recorded on a real server.
func TestOperation(t *testing.T) {
	m := mutation{fence: Fence{1, 5}, body: []byte(`{}`), expiry: 9}
	object, large, lasting := m, m, m
	lasting.expiry = 0
	object.body = []byte(`{"z":1,"a":[ 2]}`)
	large.body = []byte(`"` + strings.Repeat("x", largeBody) + `"`)
	const fence = `c8/5 _c360={"g":1,"o":5}`
	for _, c := range []struct {
		s      step
		m      mutation
		flags  memd.SubdocDocFlag
		expiry uint32
		one    bool
		want   string
	}{
		{insert, object, 0x02 | 0x04, 9, false, fence + `, c7/0 z=1, c7/0 a=[ 2]`},
		{replace, m, 0, 9, false, fence + `, 1/0 ={}`},
		{remove, m, 0, 0, false, fence + `, 4/0 =`},
		{raise, m, 0x04, 0, false, fence},
		{createDeleted, m, 0x02 | 0x04 | 0x08, 0, false, fence},
		{reserve, m, 0x02 | 0x04 | 0x08, 0, false, fence},
		{revive, m, 0x04 | 0x10, 3600, false, fence + `, c8/4 _staged={}, d3/4 _staged=, c9/4 _staged=`},
		{revive, lasting, 0x04 | 0x10, 0, false, fence + `, c8/4 _staged={}, d3/4 _staged=, c9/4 _staged=`},
		// A system xattr of more than 1 MiB is refused by the server.
		{revive, large, 0x04 | 0x10, 3600, false, fence + `, c8/4 staged=` + string(large.body) + `, d3/4 staged=, c9/4 staged=`},
		// Before 7.6 a request names one xattr.
		{revive, m, 0x04 | 0x10, 3600, true, fence + `, c8/4 _c360.staged={}, d3/4 _c360.staged=, c9/4 _c360.staged=`},
		{revive, large, 0x04 | 0x10, 3600, true, fence + `, c8/4 _c360.staged={}, d3/4 _c360.staged=, c9/4 _c360.staged=`},
	} {
		flags, ops, expiry := operation(c.s, c.m, c.one)
		var got []string
		for _, op := range ops {
			got = append(got, fmt.Sprintf("%x/%x %s=%s", byte(op.Op), byte(op.Flags), op.Path, op.Value))
		}
		if flags != c.flags || expiry != c.expiry || strings.Join(got, ", ") != c.want {
			t.Errorf("%v: flags %x, expiry %d, %.200s", c.s, flags, expiry, strings.Join(got, ", "))
		}
	}
}

func TestClassify(t *testing.T) {
	outdated := &gocbcore.TimeoutError{InnerError: gocb.ErrUnambiguousTimeout,
		RetryReasons: []gocbcore.RetryReason{gocbcore.KVCollectionOutdatedRetryReason}}
	mixed := &gocbcore.TimeoutError{InnerError: gocb.ErrAmbiguousTimeout,
		RetryReasons: []gocbcore.RetryReason{gocbcore.KVCollectionOutdatedRetryReason, gocbcore.KVTemporaryFailureRetryReason}}
	for want, errs := range map[class][]error{
		transient: {gocb.ErrOverload, gocb.ErrTemporaryFailure, gocb.ErrDurableWriteInProgress, gocb.ErrDurabilityImpossible, gocb.ErrUnambiguousTimeout,
			gocb.ErrDocumentLocked, gocb.ErrCircuitBreakerOpen, errors.New("something new")},
		ambiguous: {gocb.ErrAmbiguousTimeout, gocb.ErrDurabilityAmbiguous, gocbcore.ErrSocketClosed, mixed},
		lost: {gocb.ErrCasMismatch, gocb.ErrDocumentExists, gocb.ErrDocumentNotFound,
			&gocbcore.KeyValueError{InnerError: errors.New("x"), StatusCode: memd.StatusSubDocCanOnlyReviveDeletedDocuments}},
		refused: {gocb.ErrValueTooLarge, gocb.ErrInvalidArgument, gocb.ErrEncodingFailure, gocb.ErrValueInvalid},
		fatal: {gocb.ErrAuthenticationFailure, gocb.ErrBucketNotFound, gocb.ErrScopeNotFound, gocb.ErrCollectionNotFound, outdated,
			gocb.ErrDurabilityLevelNotAvailable, gocb.ErrFeatureNotAvailable,
			gocbcore.SubDocumentError{InnerError: &gocbcore.KeyValueError{InnerError: errors.New("x"), StatusCode: memd.StatusAccessError}}},
	} {
		for _, err := range errs {
			if got := classify(fmt.Errorf("wrapped: %w", err)); got != want {
				t.Errorf("%v is %v, want %v", err, got, want)
			}
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100, 1<<20)
	for i := range 1000 {
		c.put(fmt.Sprint(i), state{cas: uint64(i)})
	}
	if n := len(c.young) + len(c.old); n > 100 {
		t.Errorf("%d keys", n)
	}
	if s, ok := c.get("999"); !ok || s.cas != 999 {
		t.Error("the last one is gone")
	}
	small := newCache(1000, 10*(entryBytes+3))
	for i := range 1000 {
		small.put(fmt.Sprint(100+i%900), state{})
	}
	if n := len(small.young) + len(small.old); n > 10 || n == 0 {
		t.Errorf("%d keys in the bytes of 10", n)
	}
	small.drop("999")
	if _, ok := small.get("999"); ok {
		t.Error("dropped, and there")
	}
	none := newCache(0, 0)
	none.put("k", state{})
	if _, ok := none.get("k"); ok {
		t.Error("no cache remembers")
	}
}
