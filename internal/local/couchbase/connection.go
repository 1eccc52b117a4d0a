package couchbase

import (
	"bufio"
	"net"
	"sync"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

const (
	readBuffer = 128 << 10
	maxBatch   = 512     // operations that share one write to the store
	maxPending = 8 << 20 // and bytes of their values
)

// connection is one client. It belongs to the goroutine that serves it, but for
// writing to conn, which late answers do too.
type connection struct {
	node *Node
	conn net.Conn
	r    *bufio.Reader
	out  []byte // answers not sent yet

	features      features
	authenticated bool
	scram         *scramExchange
	bucket        *bucket
	mapSent       bool // a not-my-vbucket answer had the map
	scans         map[scanID]*rangeScan
	closing       bool

	pending      []operation // on documents of bucket, in the order they came
	pendingBytes int

	writing sync.Mutex     // of conn: late answers come from goroutines of their own
	late    sync.WaitGroup // for those
	done    chan struct{}  // closed when they need not wait any longer
}

// operation is a request on a document and what becomes of it.
type operation struct {
	command *command
	q       *request
	r       response
	decided bool // r is final without looking at the document
	fault   *Fault
}

func (n *Node) newConnection(conn net.Conn) *connection {
	return &connection{node: n, conn: conn, r: bufio.NewReaderSize(conn, readBuffer), done: make(chan struct{})}
}

// serve answers requests until the client or the node ends the connection. All
// requests that have arrived by then are worked on together: one transaction,
// one write to the store, one write to the socket.
func (c *connection) serve() error {
	defer func() {
		close(c.done)
		_ = c.conn.Close()
		c.endScans()
		c.late.Wait()
	}()
	if isManagement(c.r) {
		return c.manage()
	}
	c.authenticated = c.certified()
	for !c.closing {
		q, err := readRequest(c.r, c.limit())
		if err != nil {
			return err
		}
		q.received = time.Now()
		c.accept(q)
		if len(c.pending) < maxBatch && c.pendingBytes < maxPending && buffered(c.r) && !c.closing {
			continue
		}
		if err := c.settle(); err != nil {
			return err
		}
	}
	return nil
}

func (c *connection) limit() uint32 {
	if c.authenticated {
		return maxPacket
	}
	return maxStranger
}

// settle finishes what is pending and sends all answers.
func (c *connection) settle() error {
	broken := c.runPending()
	err := c.flush()
	if broken != nil {
		return fatal{broken} // after the clients know
	}
	return err
}

// fatal is an error after which the node cannot go on.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

func (c *connection) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.send(c.out)
	c.out = c.out[:0]
	if cap(c.out) > 1<<20 { // after a large answer
		c.out = nil
	}
	return err
}

func (c *connection) send(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.conn.Write(b)
	return err
}

// accept decides what can be decided without the document, and queues the rest.
func (c *connection) accept(q *request) {
	cmd, known := c.node.commands[q.opcode]
	refusal := response{}
	switch {
	case !known && !c.authenticated:
		refusal = failure(memd.StatusAccessError)
	case !known:
		refusal = failure(memd.StatusUnknownCommand)
	case cmd.stage >= stageAuthenticated && !c.authenticated:
		refusal = failure(memd.StatusAccessError)
	case cmd.stage >= stageBucket && c.bucket == nil:
		refusal = failure(memd.StatusNoBucket)
	default:
		refusal = cmd.refuse(c.features, q)
	}
	if refusal.status == statusOK && cmd.document != nil {
		if refusal = c.locate(q); refusal.status == statusOK && cmd.parse != nil {
			refusal = cmd.parse(c, q)
		}
		if refusal.status == statusOK {
			c.queue(operation{command: cmd, q: q})
			return
		}
	}
	if len(c.pending) > 0 { // answers keep the order of the requests
		if refusal.status != statusOK {
			c.queue(operation{command: cmd, q: q, r: refusal, decided: true})
			return
		}
		if err := c.settle(); err != nil {
			c.end(err)
			return
		}
	}
	if refusal.status != statusOK {
		c.emit(q, refusal)
		return
	}
	c.emit(q, cmd.control(c, q))
}

func (c *connection) queue(op operation) {
	c.pending = append(c.pending, op)
	c.pendingBytes += len(op.q.value)
}

// end closes the connection after this request, and the node if it has to.
func (c *connection) end(err error) {
	c.closing = true
	c.node.report(err)
}

// runPending executes the queued operations in one transaction. If it cannot be
// written none of them is acknowledged, and the error is the node's end.
func (c *connection) runPending() error {
	if len(c.pending) == 0 {
		return nil
	}
	ops := c.pending
	t := c.bucket.begin()
	for i := range ops {
		if c.closing { // an operation before closed the socket
			ops = ops[:i]
			break
		}
		c.run(t, &ops[i])
	}
	err := t.commit()
	for i := range ops {
		if err != nil && !ops[i].decided {
			ops[i].r = explained(memd.StatusInternalError, "the store cannot be written")
		}
		c.answer(&ops[i])
	}
	clear(c.pending)
	c.pending, c.pendingBytes = c.pending[:0], 0
	return err
}

func (c *connection) run(t *transaction, op *operation) {
	if op.decided {
		return
	}
	op.fault = c.node.faults.pick(op, c.bucket.name)
	if op.fault != nil && op.fault.before(c, op) {
		return
	}
	t.durable = op.q.frames.durability
	r, err := op.command.document(t, op.q)
	if err != nil {
		c.node.log.Error("couchbase: a document cannot be read", "bucket", c.bucket.name, "error", err)
		r = failure(memd.StatusInternalError)
	}
	op.r = r
	if op.fault != nil {
		op.fault.after(c, op)
	}
}

// answer sends what came out of an operation, unless it is one of those that stay silent.
func (c *connection) answer(op *operation) {
	if op.command != nil && op.command.isQuiet && op.r.status == op.command.quiet {
		return
	}
	if op.fault != nil && op.fault.Kind == FaultSlow && op.fault.Delay > 0 {
		c.emitLate(op)
		return
	}
	c.emit(op.q, op.r)
}

func (c *connection) emit(q *request, r response) { c.out = c.encode(c.out, q, r) }

func (c *connection) encode(out []byte, q *request, r response) []byte {
	if r.silent {
		return out
	}
	r, err := c.features.fit(r)
	if err != nil {
		c.node.log.Error("couchbase: an answer cannot be inflated", "error", err)
	}
	took := time.Duration(-1)
	if c.features.has(memd.FeatureDurations) {
		took = time.Since(q.received)
	}
	return appendResponse(out, q, r, took)
}

// emitLate sends an answer after the fault's delay; others overtake it, where
// the client allowed that.
func (c *connection) emitLate(op *operation) {
	if !c.features.has(memd.FeatureUnorderedExec) {
		c.wait(op.fault.Delay)
		c.emit(op.q, op.r)
		return
	}
	packet, delay := c.encode(nil, op.q, op.r), op.fault.Delay
	c.late.Go(func() {
		if c.wait(delay) {
			if err := c.send(packet); err != nil {
				c.node.log.Debug("couchbase: a late answer was not sent", "error", err)
			}
		}
	})
}

func (c *connection) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.node.stopping:
	case <-c.done:
	}
	return false
}
