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
	FaultNotMyVBucket                       // NOT_MY_VBUCKET with the map as it is; not applied
	FaultLocked                             // LOCKED, of writes only; not applied
	FaultSlow                               // applied at once, answered after Delay
	FaultFailover                           // every Delay the newest Lost writes are gone, see Failover
)

// Fault makes a share of the operations on documents fail. Connecting,
// authentication, cluster maps and collections are never touched.
type Fault struct {
	Kind    FaultKind
	Rate    float64        // 0..1, of the operations that match
	Opcodes []memd.CmdCode // empty: all
	Bucket  string         // empty: all
	Delay   time.Duration  // of FaultSlow and FaultFailover
	Lost    int            // of FaultFailover: how many writes of each bucket
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
	due  time.Time // of FaultFailover; only the goroutine that runs them looks at it
}

// SetFaults replaces the faults. Of several that match an operation the first
// that strikes counts.
func (n *Node) SetFaults(faults ...Fault) {
	active := make([]*activeFault, 0, len(faults))
	for _, f := range faults {
		a := &activeFault{Fault: f, due: time.Now().Add(f.Delay)}
		a.left.Store(int64(f.Times))
		active = append(active, a)
	}
	n.faults.active.Store(&active)
}

// FaultHits is how many operations a fault has struck since the start.
func (n *Node) FaultHits() int { return int(n.faults.hits.Load()) }

func (s *faultSet) pick(op *operation, bucket string) *Fault {
	active := s.active.Load()
	if active == nil {
		return nil
	}
	for _, f := range *active {
		if f.matches(op, bucket) && rand.Float64() < f.Rate && f.again() { //nolint:gosec // faults at random
			s.hits.Add(1)
			return &f.Fault
		}
	}
	return nil
}

// again counts down Times.
func (f *activeFault) again() bool { return f.Times == 0 || f.left.Add(-1) >= 0 }

func (f *Fault) matches(op *operation, bucket string) bool {
	if f.Kind == FaultFailover || f.Kind == FaultLocked && !op.command.durable {
		return false
	}
	return (f.Bucket == "" || f.Bucket == bucket) && (len(f.Opcodes) == 0 || slices.Contains(f.Opcodes, op.q.opcode))
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
	case FaultNotMyVBucket:
		op.r = c.notMyVBucket()
	case FaultLocked:
		op.r = failure(memd.StatusLocked)
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
