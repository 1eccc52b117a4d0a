package couchbase

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

// FaultKind is a way in which an operation on a document goes wrong.
type FaultKind int

const (
	FaultTemporary     FaultKind = iota + 1 // ETMPFAIL; not applied
	FaultBusy                               // EBUSY; not applied
	FaultOutOfMemory                        // ENOMEM; not applied
	FaultTimeoutBefore                      // no answer; not applied
	FaultTimeoutAfter                       // no answer; applied
	FaultCloseBefore                        // the socket is closed; not applied
	FaultCloseAfter                         // the socket is closed without an answer; applied
	FaultSlow                               // applied at once, answered after Delay
)

// Fault makes a share of the operations on documents fail. Connecting,
// authentication, cluster maps and collections are never touched.
type Fault struct {
	Kind    FaultKind
	Rate    float64        // 0..1, of the operations that match
	Opcodes []memd.CmdCode // empty: all
	Bucket  string         // empty: all
	Delay   time.Duration  // of FaultSlow
	Times   int            // after so many it is over; 0: never
}

// faultSet is what SetFaults has set. It is read by every connection.
type faultSet struct {
	active atomic.Pointer[[]*activeFault]
	hits   atomic.Int64
}

type activeFault struct {
	Fault
	left atomic.Int64
}

// SetFaults replaces the faults. Of several that match an operation the first
// that strikes counts.
func (n *Node) SetFaults(faults ...Fault) {
	active := make([]*activeFault, 0, len(faults))
	for _, f := range faults {
		a := &activeFault{Fault: f}
		a.left.Store(int64(f.Times))
		active = append(active, a)
	}
	n.faults.active.Store(&active)
}

// FaultHits is how many operations a fault has struck since the start.
func (n *Node) FaultHits() int { return int(n.faults.hits.Load()) }

func (s *faultSet) pick(opcode memd.CmdCode, bucket string) *Fault {
	active := s.active.Load()
	if active == nil {
		return nil
	}
	for _, f := range *active {
		if f.matches(opcode, bucket) && rand.Float64() < f.Rate && (f.Times == 0 || f.left.Add(-1) >= 0) {
			s.hits.Add(1)
			return &f.Fault
		}
	}
	return nil
}

func (f *Fault) matches(opcode memd.CmdCode, bucket string) bool {
	return (f.Bucket == "" || f.Bucket == bucket) && (len(f.Opcodes) == 0 || slices.Contains(f.Opcodes, opcode))
}

// before tells whether the operation is over without having been applied.
func (f *Fault) before(c *connection, op *operation) bool {
	switch f.Kind {
	case FaultTemporary:
		op.r = failure(memd.StatusTmpFail)
	case FaultBusy:
		op.r = failure(memd.StatusBusy)
	case FaultOutOfMemory:
		op.r = failure(memd.StatusOutOfMemory)
	case FaultTimeoutBefore:
		op.r.silent = true
	case FaultCloseBefore:
		op.r.silent, c.closing = true, true
	default:
		return false
	}
	op.decided = true
	return true
}

func (f *Fault) after(c *connection, op *operation) {
	switch f.Kind {
	case FaultTimeoutAfter:
		op.r.silent = true
	case FaultCloseAfter:
		op.r.silent, c.closing = true, true
	}
}
