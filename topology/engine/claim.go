package engine

import (
	"hash"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// claim is one owned input partition: sarama's ConsumerGroupClaim for goka, and
// the way of its messages from the fetch to the commit:
//
//	poll -> push -> batches -> feed -> goka -> take, admit -> callback -> retire or finish
//
// Positions move in order only. In a transactional session a message retires
// when it has passed the gate; in a sink when it and all before it are done.
type claim struct {
	sarama.ConsumerGroupClaim // nil: goka calls only what is defined below
	session                   *session
	topic                     string
	partition                 int32
	msgs                      chan *sarama.ConsumerMessage
	hash                      hash.Hash32 // of the partition's goroutine

	maxQueue, maxInFlight, maxInFlightBytes int

	mu       sync.Mutex
	changed  *sync.Cond
	ended    bool
	draining bool // sinks: nothing more is admitted
	queued   int  // bytes pushed and not yet taken
	paused   bool

	fed, taken, head *batch // cursors into the list of batches
	takenAt, headAt  int    // index of the next delivery
	tail             *batch

	last          *delivery // the newest pushed; retired: the position has passed it
	lastRetired   bool
	position      kgo.EpochOffset // -1: unknown
	committed     int64
	inFlight      int
	inFlightBytes int
}

// recordOverhead is what a queued record costs besides its bytes: kgo's, sarama's
// and our structures. Small records are mostly that.
const recordOverhead = 512

// batch is what one fetch brought for a partition.
type batch struct {
	deliveries []delivery
	messages   []sarama.ConsumerMessage
	bytes      int
	at         time.Time
	boot       time.Duration
	next       *batch
}

func newClaim(s *session, topic string, partition int32, claims int) *claim {
	cfg := s.inc.cfg
	sentinel := new(batch)
	c := &claim{
		session: s, topic: topic, partition: partition, msgs: make(chan *sarama.ConsumerMessage, 32), hash: cfg.NewHash(),
		maxQueue:    max(2*cfg.QueueBytes/claims, 1<<16),
		maxInFlight: max(cfg.MaxInFlight/claims, 1), maxInFlightBytes: max(cfg.MaxInFlightBytes/claims, 1),
		fed: sentinel, taken: sentinel, head: sentinel, tail: sentinel,
		position: kgo.EpochOffset{Epoch: -1, Offset: -1}, committed: -1, lastRetired: true,
	}
	c.changed = sync.NewCond(&c.mu)
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
	n := 0
	for _, r := range records {
		if !r.Attrs.IsControl() {
			n++
		}
	}
	b := &batch{deliveries: make([]delivery, 0, n), messages: make([]sarama.ConsumerMessage, 0, n), at: at, boot: boot}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		if r.Attrs.IsControl() { // the position moves past markers, so that lag reads 0 at the end
			// with the marker's own epoch: a leader elected since the record wrote it,
			// and a position with an older epoch looks like a truncated log.
			if n := len(b.deliveries); n > 0 {
				b.deliveries[n-1].next, b.deliveries[n-1].epoch = r.Offset+1, r.LeaderEpoch
			} else if !c.lastRetired {
				c.last.next, c.last.epoch = r.Offset+1, r.LeaderEpoch
			} else {
				c.position = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
			}
			continue
		}
		size := len(r.Key) + len(r.Value)
		b.deliveries = append(b.deliveries, delivery{claim: c, batch: b, offset: r.Offset, next: r.Offset + 1, epoch: r.LeaderEpoch, size: int32(size)})
		b.messages = append(b.messages, sarama.ConsumerMessage{Topic: c.topic, Partition: c.partition, Offset: r.Offset,
			Key: r.Key, Value: r.Value, Timestamp: r.Timestamp, Headers: saramaHeaders(r.Headers)})
		b.bytes += size + recordOverhead
	}
	if n == 0 {
		return 0, false
	}
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

// feed hands messages to goka, in the order of the deliveries.
func (c *claim) feed() {
	for b := c.nextBatch(); b != nil; b = c.nextBatch() {
		for i := range b.messages {
			select {
			case c.msgs <- &b.messages[i]:
			case <-c.session.ctx.Done():
				return
			}
		}
	}
}

// take is the delivery of the next message that goka calls back for; freed
// tells the bytes that left the queue with it, resume that fetches may go on.
func (c *claim) take() (d *delivery, key []byte, freed int, resume bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.takenAt == len(c.taken.deliveries) {
		c.taken, c.takenAt = c.taken.next, 0
		if c.session.gate != nil {
			c.head = c.taken // nobody asks for it again: let the rest be collected
		}
	}
	d, key = &c.taken.deliveries[c.takenAt], c.taken.messages[c.takenAt].Key
	if c.takenAt++; c.takenAt == len(c.taken.deliveries) {
		freed = c.taken.bytes
		c.queued -= freed
		if resume = c.paused && c.queued < c.maxQueue/2; resume {
			c.paused = false
		}
	}
	return d, key, freed, resume
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

func saramaHeaders(headers []kgo.RecordHeader) []*sarama.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	slab := make([]sarama.RecordHeader, len(headers))
	out := make([]*sarama.RecordHeader, len(headers))
	for i, h := range headers {
		slab[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
		out[i] = &slab[i]
	}
	return out
}
