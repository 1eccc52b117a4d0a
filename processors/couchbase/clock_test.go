package couchbase

import (
	"context"
	"testing"
	"time"
)

// A document whose time is over by the server's clock, though not by ours when it
// was sent, is written all the same: gone at once, its fence stays, and nobody
// waits for ever. It was revived with its expiry, was gone before the replace, and
// so on, for as long as our clock was behind.
func TestExpiredByTheServersClock(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	client := connect(t, cfg)
	col, l := open(t, client, cfg.Staging), newLedger()
	w := startWriter(t, cfg, col, l)
	past := uint32(time.Now().Add(-time.Hour).Unix())
	for i, prepare := range []string{"nothing", "tombstone", "document"} {
		switch prepare {
		case "tombstone":
			w.submit(l.message(prepare, 1, ""))
		case "document":
			w.submit(l.message(prepare, 1, `{"n":1}`))
		}
		settled(t, l)
		m := l.message(prepare, 2, `{"n":2}`)
		m.mutation.expiry = past
		w.submit(m)
		settled(t, l)
		is2(t, client, col, prepare, "", Fence{1, 2})
		w.submit(l.message(prepare, int64(3+i), `{"n":3}`))
		settled(t, l)
		is2(t, client, col, prepare, `{"n":3}`, Fence{1, int64(3 + i)})
	}
}

// expiries is a store that looks at the expiries it is given.
type expiries struct {
	store
	most uint32
}

func (s *expiries) operate(ctx context.Context, key string, st step, cas uint64, m mutation) (uint64, error) {
	s.most = max(s.most, m.expiry)
	return s.store.operate(ctx, key, st, cas, m)
}

// The probe's expiry counts from the server's now: by our clock, and that an hour
// behind, its document would be gone before the next step.
func TestTheProbesExpiryIsTheServersMatter(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	s := &expiries{store: open(t, connect(t, cfg), cfg.Documents)}
	if err := probe(t.Context(), s, cfg.Documents, cfg, testLog()); err != nil {
		t.Fatal(err)
	}
	const thirtyDays = 30 * 24 * 60 * 60 // what is more is a time, and not a duration
	if s.most == 0 || s.most > thirtyDays {
		t.Errorf("an expiry of %d", s.most)
	}
}
