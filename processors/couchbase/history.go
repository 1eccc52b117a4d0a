package couchbase

import (
	"log/slog"
	"sync"
	"time"
)

// histories notices failovers. Each acknowledged write tells the history of its
// vbucket (a uuid) and its place in it; a promoted replica begins another history.
// What the old node had acknowledged and not yet replicated is gone then, unless
// it was written with durability; nobody can tell which documents those were
// without comparing them all. So it is said and counted. A document that was lost
// comes back with the next message of its key.
type histories struct {
	log    *slog.Logger
	meter  *meter
	target Target
	safe   bool // writes are acknowledged by a majority

	mu       sync.Mutex
	vbuckets [1024]vbucketHistory
	said     time.Time
}

type vbucketHistory struct {
	uuid, before uint64 // 0: none known
	seqno        uint64 // newest of uuid
}

// again is how long nothing more is said: a failover strikes many vbuckets.
const again = time.Minute

// saw takes note of an acknowledged write.
func (h *histories) saw(vbucket uint16, uuid, seqno uint64) {
	if int(vbucket) >= len(h.vbuckets) || uuid == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v := &h.vbuckets[vbucket]
	switch uuid {
	case v.uuid:
		v.seqno = max(v.seqno, seqno)
		return
	case v.before: // an answer that the old node sent, and that was overtaken
		return
	}
	known, last := v.uuid, v.seqno
	v.before, v.uuid, v.seqno = v.uuid, uuid, seqno
	if known == 0 {
		return
	}
	h.meter.failovers.Inc()
	if now := time.Now(); now.Sub(h.said) >= again {
		h.said = now
		h.say(vbucket, last, seqno)
	}
}

func (h *histories) say(vbucket uint16, last, seqno uint64) {
	log := h.log.With("target", h.target.String(), "vbucket", vbucket)
	if h.safe {
		log.Info("Couchbase has failed over: another history of a vbucket; with this durability no acknowledged write is lost")
		return
	}
	text := "Couchbase has failed over: another history of a vbucket; without durability the newest acknowledged writes may be lost, compare the documents"
	if seqno <= last {
		text = "Couchbase has failed over and acknowledged writes are lost: another history of a vbucket, which is behind; compare the documents"
	}
	log.Warn(text, "last_seqno", last, "seqno", seqno)
}
