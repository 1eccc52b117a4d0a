package couchbase

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"customer360/internal/local/couchbase"
)

// On the embedded node, through the SDK and with the node's faults.
func TestPropertyNewestFenceWinsOnANode(t *testing.T) {
	node := startNode(t)
	cfg := nodeConfig(node)
	cfg.Timeout = 100 * time.Millisecond
	client := connect(t, cfg)
	col := open(t, client, cfg.Documents)
	kinds := []couchbase.FaultKind{couchbase.FaultTemporary, couchbase.FaultBusy, couchbase.FaultOutOfMemory, couchbase.FaultLocked, couchbase.FaultNotMyVBucket,
		couchbase.FaultTimeoutBefore, couchbase.FaultTimeoutAfter, couchbase.FaultCloseBefore, couchbase.FaultCloseAfter, couchbase.FaultSlow}
	story := 0
	check(t, 200, func(rt *rapid.T) {
		story++
		d := drawStory(rt, true)
		rate := rapid.SampledFrom([]float64{0, 0, 0.02, 0.1}).Draw(rt, "faults")
		var faults []couchbase.Fault
		for _, k := range kinds {
			share := rate
			if k >= couchbase.FaultTimeoutBefore && k <= couchbase.FaultCloseAfter {
				share /= 10 // these take time
			}
			faults = append(faults, couchbase.Fault{Kind: k, Rate: share / float64(len(kinds)) * 3, Delay: 3 * time.Millisecond})
		}
		node.SetFaults(faults...)
		defer node.SetFaults()
		tell(t, rt, d, prefixed{col, client, fmt.Sprintf("%d/", story), func() error { return node.PurgeTombstones(t.Context(), "customer360") }}, cfg.Timeout)
	})
	t.Logf("%d stories, %d faults", story, node.FaultHits())
}
