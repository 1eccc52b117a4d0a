package engine

import (
	"hash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// claim is one owned input partition: sarama's ConsumerGroupClaim for goka, and
// the way of its messages from the fetch to the commit:
//
//	poll -> push -> batches -> feed -> goka -> take -> transact: retire, callback
//	                                                   workOff:  admit, callback, finish
//
// Positions move in order only. In a transactional session a message retires
// when it has passed the gate; in a sink when it and all before it are done.
type claim struct {
	sarama.ConsumerGroupClaim // nil: goka calls only what is defined below
	session                   *session
	topic                     string
	partition                 int32
	msgs                      chan *sarama.ConsumerMessage
	codec                     goka.Codec
	store                     *store // nil: no table

	// The partition's goroutine's own:
	hash     hash.Hash32
	goka     goka.Context // of the batch at hand
	callback goka.ProcessCallback
	turn     atomic.Pointer[turn] // the newest
	slab     []kgo.Record
	logged   func(*kgo.Record, error) // onLogged, allocated once
	outputs  *outputs                 // of the partition: its inputs share a goroutine, a table, and the order of what they write

	maxQueue, maxInFlight, maxInFlightBytes int

	mu       sync.Mutex
	changed  *sync.Cond
	ended    bool
	draining bool // sinks: nothing more is admitted
	queued   int  // bytes pushed and not yet taken
	paused   bool

	fed, taken, head *batch // cursors into the list of batches
	headAt           int    // index of the next delivery that is not done
	tail             *batch

	last          *delivery // the newest pushed; retired: the position has passed it
	lastRetired   bool
	position      kgo.EpochOffset // -1: unknown
	committed     int64
	inFlight      int
	inFlightBytes int
}

// recordOverhead is what a queued record costs besides its bytes: kgo's and our
// structures. Small records are mostly that.
const recordOverhead = 512

// batch is what one fetch brought for a partition.
type batch struct {
	deliveries []delivery
	message    sarama.ConsumerMessage // what goka gets for all of it
	bytes      int
	at         time.Time
	boot       time.Duration
	next       *batch
}

func newClaim(s *session, topic string, partition int32, claims int) *claim {
	cfg := s.inc.cfg
	sentinel := new(batch)
	c := &claim{
		session: s, topic: topic, partition: partition, msgs: make(chan *sarama.ConsumerMessage), hash: cfg.NewHash(),
		codec: s.inc.group.edges.inputs[topic], outputs: s.outputs[partition],
		maxQueue:    max(2*cfg.QueueBytes/claims, 1<<16),
		maxInFlight: max(cfg.MaxInFlight/claims, 1), maxInFlightBytes: max(cfg.MaxInFlightBytes/claims, 1),
		fed: sentinel, taken: sentinel, head: sentinel, tail: sentinel,
		position: kgo.EpochOffset{Epoch: -1, Offset: -1}, committed: -1, lastRetired: true,
	}
	c.changed, c.logged = sync.NewCond(&c.mu), c.onLogged
	return c
}

func (c *claim) Topic() string                            { return c.topic }
func (c *claim) Partition() int32                         { return c.partition }
func (c *claim) InitialOffset() int64                     { return -1 }
func (c *claim) HighWaterMarkOffset() int64               { return 0 }
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.msgs }

// startAt is the committed offset that the first fetch begins at.
func (c *claim) startAt(offset int64, epoch int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.position.Offset < 0 {
		c.position, c.committed = kgo.EpochOffset{Epoch: epoch, Offset: offset}, offset
	}
}

// push takes what was fetched and says by how many bytes the queue grew, and
// whether it has just become too long.
func (c *claim) push(records []*kgo.Record, at time.Time, boot time.Duration) (bytes int, pause bool) {
	n, keyBytes := 0, 0
	for _, r := range records {
		if !r.Attrs.IsControl() {
			n++
			keyBytes += len(r.Key)
		}
	}
	b := &batch{deliveries: make([]delivery, n), at: at, boot: boot}
	var keys strings.Builder // all in one
	keys.Grow(keyBytes)
	n = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		if r.Attrs.IsControl() { // the position moves past markers, so that lag reads 0 at the end
			// with the marker's own epoch: a leader elected since the record wrote it,
			// and a position with an older epoch looks like a truncated log.
			if n > 0 {
				b.deliveries[n-1].next, b.deliveries[n-1].epoch = r.Offset+1, r.LeaderEpoch
			} else if !c.lastRetired {
				c.last.next, c.last.epoch = r.Offset+1, r.LeaderEpoch
			} else {
				c.position = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
			}
			continue
		}
		size := len(r.Key) + len(r.Value)
		keys.Write(r.Key)
		d := &b.deliveries[n]
		d.claim, d.batch, d.record, d.key = c, b, r, keys.String()[keys.Len()-len(r.Key):]
		d.offset, d.next, d.epoch, d.size = r.Offset, r.Offset+1, r.LeaderEpoch, int32(size)
		b.bytes += size + recordOverhead
		n++
	}
	if n == 0 {
		return 0, false
	}
	b.message = sarama.ConsumerMessage{Topic: c.topic, Partition: c.partition, Offset: b.deliveries[0].offset}
	c.tail.next, c.tail = b, b
	c.last, c.lastRetired = &b.deliveries[n-1], false
	c.queued += b.bytes
	pause = !c.paused && c.queued > c.maxQueue
	c.paused = c.paused || pause
	c.changed.Broadcast()
	return b.bytes, pause
}

// nextBatch waits for a batch to feed; nil: the session is over.
func (c *claim) nextBatch() *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fed.next == nil && !c.ended && !c.draining {
		c.changed.Wait()
	}
	if c.ended || c.draining {
		return nil
	}
	c.fed = c.fed.next
	return c.fed
}

// feed hands batches to goka.
func (c *claim) feed() {
	for b := c.nextBatch(); b != nil; b = c.nextBatch() {
		select {
		case c.msgs <- &b.message:
		case <-c.session.ctx.Done():
			return
		}
	}
}

// take is the next batch that goka calls back for.
func (c *claim) take() *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = c.taken.next
	if c.session.gate != nil {
		c.head = c.taken // nobody asks for it again: let the rest be collected
	}
	return c.taken
}

// release is for a batch of which all callbacks have returned. It tells the bytes
// that left the queue with it, and whether fetches may go on.
func (c *claim) release(b *batch) (freed int, resume bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queued -= b.bytes
	if resume = c.paused && c.queued < c.maxQueue/2; resume {
		c.paused = false
	}
	return b.bytes, resume
}

func (c *claim) isPaused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

// retire moves the position past a message that has passed the gate.
func (c *claim) retire(d *delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pass(d)
}

func (c *claim) pass(d *delivery) {
	c.position = kgo.EpochOffset{Epoch: d.epoch, Offset: d.next}
	c.lastRetired = c.lastRetired || d == c.last
}

// stop ends feeding and admission; final also abandons what is under way.
func (c *claim) stop(final bool) {
	c.mu.Lock()
	c.draining, c.ended = true, c.ended || final
	c.changed.Broadcast()
	c.mu.Unlock()
}

func (c *claim) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inFlight == 0
}

func (c *claim) at() (position kgo.EpochOffset, committed int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position, c.committed
}

// setCommitted says whether that is new.
func (c *claim) setCommitted(offset int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := c.committed != offset
	c.committed = offset
	return moved
}
