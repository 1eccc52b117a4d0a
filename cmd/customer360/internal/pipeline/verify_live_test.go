package pipeline

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/cmd/customer360/internal/verify"
	local "customer360/internal/local/couchbase"
	"customer360/processors/couchbase"
)

// TestVerifyBesideTheSink: while rows change all the time verify finds nothing,
// and while somebody puts older documents back and the node fails now and then,
// repairs and sink do each other no harm: in the end documents and fences are
// those of a calm run.
func TestVerifyBesideTheSink(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.run("one")
	records, _ := c.life(lifeSeed, lifeRows, 2*lifeSize)
	half := len(records) / 2
	flow := make(chan struct{})
	var flowing sync.WaitGroup
	flowing.Go(func() {
		defer close(flow)
		for i := 0; i < half; i += 5 {
			c.produce(records[i:min(i+5, half)]...)
		}
	})
	runs, moved := 0, 0
	for more := true; more; runs++ {
		select {
		case <-flow:
			more = false
		default:
		}
		r := c.verified()
		if r.Differences != 0 || r.Pending != 0 {
			t.Errorf("run %d, with nobody meddling: %+v", runs, r)
		}
		moved += r.Documents + r.Removals
	}
	flowing.Wait()
	if runs < 2 || moved == 0 {
		t.Errorf("%d runs saw %d keys", runs, moved)
	}

	c.node.SetFaults(
		local.Fault{Kind: local.FaultTemporary, Rate: 0.05},
		local.Fault{Kind: local.FaultTimeoutAfter, Rate: 0.01, Opcodes: []memd.CmdCode{memd.CmdSubDocMultiMutation}},
		local.Fault{Kind: local.FaultCloseAfter, Rate: 0.01, Opcodes: []memd.CmdCode{memd.CmdSubDocMultiMutation}})
	h, dice := c.hand(), rand.New(rand.NewPCG(7, 7))
	var busy sync.WaitGroup
	busy.Go(func() {
		for i := half; i < len(records); i += 5 {
			c.produce(records[i:min(i+5, len(records))]...)
		}
	})
	busy.Go(func() {
		for i := range 60 { // older ones, and such with nothing changed but the body
			key := fmt.Sprintf("p%d.%d@example.org", 1+dice.IntN(lifeRows), dice.IntN(3))
			if body, ok := c.documents("customer360")[key]; ok {
				if i%2 == 0 {
					h.tryFenced(key, `{"old":true}`, couchbase.Fence{Generation: 1, Offset: 1})
				} else {
					h.tryPut(key, body+" ")
				}
			}
			h.tryFenced(fmt.Sprintf("ghost%d@example.org", i), `{"old":true}`, couchbase.Fence{Generation: 1, Offset: 1})
		}
	})
	repaired := 0
	for range 4 {
		r := c.verified(repairing)
		repaired += r.Repair.Written + r.Repair.Removed
	}
	busy.Wait()
	c.node.SetFaults()
	r := c.verified(repairing)
	repaired += r.Repair.Written + r.Repair.Removed
	if !r.IsEqual() || repaired == 0 {
		t.Errorf("repaired %d; in the end %+v, %+v", repaired, r, r.Repair)
	}
	c.reasons(c.verified(), map[verify.Reason]int{})
	c.sameBytes()
	fences := c.fences()
	for key := range c.documents("customer360") {
		c.fence(key, fences[key].Offset)
	}
}
