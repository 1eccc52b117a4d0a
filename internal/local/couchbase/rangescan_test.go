package couchbase_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// scanned is what a scan of gocb's gives: key -> body.
func scanned(t *testing.T, col *gocb.Collection, what gocb.ScanType, options gocb.ScanOptions) map[string]string {
	t.Helper()
	options.Timeout, options.Transcoder = time.Minute, gocb.NewRawJSONTranscoder()
	result, err := col.Scan(what, &options)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for item := result.Next(); item != nil; item = result.Next() {
		if _, twice := all[item.ID()]; twice {
			t.Errorf("%s came twice", item.ID())
		}
		var body []byte
		if !options.IDsOnly {
			if err := item.Content(&body); err != nil {
				t.Error(err)
			}
		}
		all[item.ID()] = string(body)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRangeScan: what lives is there, with its bytes, in batches of any size;
// what was removed, has expired or lies in another collection is not.
func TestRangeScan(t *testing.T) {
	node := couchbasetest.Start(t)
	bucket := connect(t, node)
	for _, col := range []*gocb.Collection{bucket.Scope("app").Collection("docs"), bucket.DefaultCollection()} {
		t.Run(col.Name(), func(t *testing.T) {
			if got := scanned(t, col, gocb.RangeScan{}, gocb.ScanOptions{IDsOnly: true}); len(got) > 0 {
				t.Errorf("an empty collection has %v", got)
			}
			want, raw := map[string]string{}, &gocb.UpsertOptions{Transcoder: gocb.NewRawJSONTranscoder()}
			must := func(_ any, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			for i := range 3000 {
				key := fmt.Sprintf("k%d@example.org", i)
				want[key] = fmt.Sprintf(`{"n":%d, "of":%q}`, i, col.Name())
				must(col.Upsert(key, []byte(want[key]), raw))
			}
			must(col.MutateIn("k1@example.org", []gocb.MutateInSpec{gocb.UpsertSpec("_x", 1, &gocb.UpsertSpecOptions{IsXattr: true})}, nil))
			must(col.Remove("k2@example.org", nil))
			delete(want, "k2@example.org")
			must(col.Upsert("expires", []byte(`{}`), &gocb.UpsertOptions{Expiry: time.Second, Transcoder: raw.Transcoder}))
			for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				if _, err := col.Get("expires", nil); errors.Is(err, gocb.ErrDocumentNotFound) {
					break
				}
				if time.Now().After(end) {
					t.Fatal("it does not expire")
				}
			}
			one, few := uint32(1), uint32(40)
			for name, o := range map[string]gocb.ScanOptions{"as it comes": {}, "one at a time": {BatchItemLimit: &one}, "few bytes": {BatchByteLimit: &few}, "four at a time": {Concurrency: 4}} {
				if got := scanned(t, col, gocb.RangeScan{}, o); !maps.Equal(got, want) {
					t.Errorf("%s: %d documents of %d", name, len(got), len(want))
				}
				o.IDsOnly = true
				if got := scanned(t, col, gocb.RangeScan{}, o); !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
					t.Errorf("%s: %d keys of %d", name, len(got), len(want))
				}
			}
			got := scanned(t, col, gocb.RangeScan{From: &gocb.ScanTerm{Term: "k5", Exclusive: true}, To: &gocb.ScanTerm{Term: "k50@example.org"}}, gocb.ScanOptions{})
			if len(got) == 0 || got["k50@example.org"] == "" || got["k500@example.org"] != want["k500@example.org"] {
				t.Errorf("the range has %d documents", len(got))
			}
			for key := range got {
				if key <= "k5" || key > "k50@example.org" {
					t.Errorf("%s is not in the range", key)
				}
			}
			open := scanned(t, col, gocb.RangeScan{From: &gocb.ScanTerm{Term: "k50@example.org", Exclusive: true}, To: &gocb.ScanTerm{Term: "k51@example.org", Exclusive: true}}, gocb.ScanOptions{IDsOnly: true})
			if _, ok := open["k50@example.org"]; ok {
				t.Error("the exclusive start is in it")
			}
			if _, ok := open["k51@example.org"]; ok || len(open) == 0 {
				t.Errorf("the exclusive end is in it, or nothing is: %d", len(open))
			}
			sample := scanned(t, col, gocb.SamplingScan{Limit: 100, Seed: 7}, gocb.ScanOptions{IDsOnly: true})
			if len(sample) != 100 {
				t.Errorf("a sample of 100 has %d", len(sample))
			}
			for key := range sample {
				if _, ok := want[key]; !ok {
					t.Errorf("%s is no document", key)
				}
			}
		})
	}
}

// TestRangeScanIsOfOneMoment: what is written after the creation is not in it.
// Ids of scans that have ended, and requests that make no sense, are refused.
func TestRangeScanIsOfOneMoment(t *testing.T) {
	node := couchbasetest.Start(t)
	bucket := connect(t, node)
	col := bucket.DefaultCollection()
	agent, err := bucket.Internal().IORouter()
	if err != nil {
		t.Fatal(err)
	}
	put := func(n int) {
		t.Helper()
		for i := range n {
			if _, err := col.Upsert(fmt.Sprintf("key%d", i), i, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	create := func(vbucket uint16, o gocbcore.RangeScanCreateOptions) (scan gocbcore.RangeScanCreateResult, failed error) {
		t.Helper()
		done := make(chan struct{})
		o.Deadline = time.Now().Add(time.Minute)
		if _, err := agent.RangeScanCreate(vbucket, o, func(r gocbcore.RangeScanCreateResult, err error) {
			scan, failed = r, err
			close(done)
		}); err != nil {
			t.Fatal(err)
		}
		<-done
		return scan, failed
	}
	more := func(scan gocbcore.RangeScanCreateResult, limit uint32) (keys []string, complete bool, failed error) {
		t.Helper()
		done := make(chan struct{})
		if _, err := scan.RangeScanContinue(gocbcore.RangeScanContinueOptions{MaxCount: limit, Deadline: time.Now().Add(time.Minute)}, func(items []gocbcore.RangeScanItem) {
			for _, i := range items {
				keys = append(keys, string(i.Key))
			}
		}, func(r *gocbcore.RangeScanContinueResult, err error) {
			failed = err
			complete = err == nil && r.Complete
			close(done)
		}); err != nil {
			t.Fatal(err)
		}
		<-done
		return keys, complete, failed
	}
	put(20_000)
	all := &gocbcore.RangeScanCreateRangeScanConfig{Start: []byte("a"), End: []byte("z")}
	scan, err := create(7, gocbcore.RangeScanCreateOptions{KeysOnly: true, Range: all})
	if err != nil {
		t.Fatal(err)
	}
	first, complete, err := more(scan, 1)
	if err != nil || complete || len(first) != 1 {
		t.Fatalf("the first batch has %v, complete %t, %v", first, complete, err)
	}
	put(40_000)
	rest, complete, err := more(scan, 0)
	if err != nil || !complete {
		t.Fatalf("the rest: complete %t, %v", complete, err)
	}
	for _, key := range append(first, rest...) {
		var n int
		if _, err := fmt.Sscanf(key, "key%d", &n); err != nil || n >= 20_000 {
			t.Errorf("%s was written later", key)
		}
	}
	if _, _, err := more(scan, 0); !errors.Is(err, gocbcore.ErrDocumentNotFound) {
		t.Errorf("a scan that is complete goes on: %v", err)
	}
	if _, err := create(7, gocbcore.RangeScanCreateOptions{KeysOnly: true, Range: &gocbcore.RangeScanCreateRangeScanConfig{Start: []byte("z"), End: []byte("zz")}}); !errors.Is(err, gocbcore.ErrDocumentNotFound) {
		t.Errorf("a range without documents: %v", err)
	}
	if _, err := create(7, gocbcore.RangeScanCreateOptions{KeysOnly: true, Range: all, Snapshot: &gocbcore.RangeScanCreateSnapshotRequirements{VbUUID: 1, SeqNo: 1}}); !errors.Is(err, gocbcore.ErrRangeScanVbUUIDNotEqual) {
		t.Errorf("another history: %v", err)
	}
	if scan, err = create(7, gocbcore.RangeScanCreateOptions{Range: all}); err != nil {
		t.Fatal(err)
	}
	cancelled := make(chan error, 1)
	if _, err := scan.RangeScanCancel(gocbcore.RangeScanCancelOptions{Deadline: time.Now().Add(time.Minute)}, func(_ *gocbcore.RangeScanCancelResult, err error) { cancelled <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-cancelled; err != nil {
		t.Error(err)
	}
	if _, _, err := more(scan, 0); !errors.Is(err, gocbcore.ErrDocumentNotFound) {
		t.Errorf("a scan that was cancelled goes on: %v", err)
	}
}

// TestBefore76: no scans, and one xattr in a request.
func TestBefore76(t *testing.T) {
	node := couchbasetest.Start(t, func(c *couchbase.Config) { c.Before76 = true })
	bucket := connect(t, node)
	if _, err := bucket.DefaultCollection().Scan(gocb.RangeScan{}, &gocb.ScanOptions{Timeout: time.Minute}); !errors.Is(err, gocb.ErrFeatureNotAvailable) {
		t.Errorf("it scans: %v", err)
	}
	xattr := func(path string) gocb.MutateInSpec {
		return gocb.UpsertSpec(path, 1, &gocb.UpsertSpecOptions{IsXattr: true, CreatePath: true})
	}
	upsert := &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsUpsert}
	if _, err := bucket.DefaultCollection().MutateIn("k", []gocb.MutateInSpec{xattr("_a.x"), xattr("_a.y"), gocb.UpsertSpec("b", 1, nil)}, upsert); err != nil {
		t.Errorf("two paths of one xattr: %v", err)
	}
	_, err := bucket.DefaultCollection().MutateIn("k", []gocb.MutateInSpec{xattr("_a.x"), xattr("_b")}, upsert)
	var kv *gocb.KeyValueError
	if !errors.As(err, &kv) || kv.StatusCode != memd.StatusSubDocXattrInvalidKeyCombo {
		t.Errorf("two xattrs: %v", err)
	}
}
