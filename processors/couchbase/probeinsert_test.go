package couchbase

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase"
)

// oddStore is a server that does inserts otherwise.
type oddStore struct {
	*fakeStore
	insert func(f *fakeStore, key string, m mutation) (uint64, error)
}

func (o oddStore) operate(ctx context.Context, key string, s step, cas uint64, m mutation) (uint64, error) {
	if s == insert {
		return o.insert(o.fakeStore, key, m)
	}
	return o.fakeStore.operate(ctx, key, s, cas, m)
}

func (f *fakeStore) body(_ context.Context, key string) ([]byte, error) {
	if e := f.at(key); e.presence == live {
		return []byte(e.body), nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
}

func TestProbeInsert(t *testing.T) {
	normal := func(f *fakeStore, key string, m mutation) (uint64, error) {
		return f.operate(context.Background(), key, insert, 0, m)
	}
	var tries atomic.Int32
	for name, c := range map[string]struct {
		insert func(f *fakeStore, key string, m mutation) (uint64, error)
		want   string
	}{
		"as it should be": {normal, ""},
		"trouble at first": {func(f *fakeStore, key string, m mutation) (uint64, error) {
			if tries.Add(1) < 4 {
				return 0, gocb.ErrTemporaryFailure
			}
			return normal(f, key, m)
		}, ""},
		"refused": {func(*fakeStore, string, mutation) (uint64, error) { return 0, gocb.ErrInvalidArgument }, "it is refused"},
		"sorted": {func(f *fakeStore, key string, m mutation) (uint64, error) {
			m.body = []byte(`{"a":"é"}`)
			return normal(f, key, m)
		}, `comes out as {"a":"é"}`},
		"made as a tombstone": {func(f *fakeStore, key string, m mutation) (uint64, error) {
			return f.operate(context.Background(), key, createDeleted, 0, m)
		}, "is not there"},
		"over a tombstone": {func(f *fakeStore, key string, m mutation) (uint64, error) {
			if f.at(key).presence == tombstone {
				f.put(key, entry{})
			}
			return normal(f, key, m)
		}, "over a tombstone"},
		"over a document": {func(f *fakeStore, key string, m mutation) (uint64, error) {
			f.put(key, entry{})
			return normal(f, key, m)
		}, "over a document"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeStore()
			odd, err := probeInsert(t.Context(), oddStore{f, c.insert}, f.body, Target{Bucket: "b"}, testConfig(), testLog())
			if err != nil || (odd == "") != (c.want == "") || !strings.Contains(odd, c.want) {
				t.Errorf("%q, %v; want %q", odd, err, c.want)
			}
			for key, e := range f.entries {
				if e.presence == live && e.expiry == 0 {
					t.Errorf("%s stays", key)
				}
			}
		})
	}
	f := newFakeStore()
	_, err := probeInsert(t.Context(), oddStore{f, func(*fakeStore, string, mutation) (uint64, error) { return 0, gocb.ErrAuthenticationFailure }}, f.body, Target{Bucket: "b"}, testConfig(), testLog())
	if err == nil || !strings.Contains(err.Error(), "SystemXattrWrite") {
		t.Errorf("no right: %v", err)
	}
}

// The embedded node inserts as the server does: exact bytes, with all kinds of values.
func TestInsertOnANode(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	if odd, err := probeInsert(t.Context(), col, client.bodies(cfg.Documents), cfg.Documents, cfg, testLog()); odd != "" || err != nil {
		t.Errorf("%q, %v", odd, err)
	}
	l := newLedger()
	w := startWriter(t, cfg, col, l)
	for i, body := range []string{
		`{"type":"user","profile":{"name":"Zoë","z":1,"a":2},"xrefs":[{"external_ID":1029, "n":12345678901234567890}],"x":null,"t":true,"e":1E+2}`,
		`{"a":1,"a":2}`, `[3,{"z":1,"a":2}]`, `{ "spaced" : 1 }`, `{}`, `"text"`, `{"a.b":{"c d":1}}`,
	} {
		key := fmt.Sprint("insert ", i)
		w.submit(l.message(key, 5, body))
		settled(t, l)
		is2(t, client, col, key, body, Fence{1, 5})
	}
}

// Answers that are lost, at the insert and at the removal: what the tries left is
// removed before the sink runs.
func TestProbeInsertLeavesNothing(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	cfg.Timeout = 200 * time.Millisecond
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	node.SetFaults(couchbase.Fault{Kind: couchbase.FaultCloseAfter, Rate: 1, Opcodes: []memd.CmdCode{memd.CmdSubDocMultiMutation}, Times: 3})
	if odd, err := probeInsert(t.Context(), col, client.bodies(cfg.Documents), cfg.Documents, cfg, testLog()); odd != "" || err != nil {
		t.Fatalf("%q, %v", odd, err)
	}
	if hits := node.FaultHits(); hits != 3 {
		t.Errorf("%d faults have struck, not 3", hits)
	}
	if err := node.EachKey("customer360", func(key []byte) { t.Errorf("%s is there", key) }); err != nil {
		t.Error(err)
	}
}
