package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// poll brings fetched records to the claims. Errors are final: the client has
// retried what can be retried.
func (s *session) poll() {
	client := s.inc.client
	// What this poll brings has arrived after the one before had taken all
	// there was; so a record was fetched after that one began.
	at, boot := time.Now(), bootTime()
	for !s.over() {
		nextAt, nextBoot := time.Now(), bootTime()
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		fs := client.PollFetches(ctx)
		cancel()
		if s.over() {
			return
		}
		var bytes, records int
		pause := map[string][]int32{}
		fs.EachPartition(func(f kgo.FetchTopicPartition) {
			if f.Err != nil {
				s.pollError(f.Topic, f.Partition, f.Err)
			}
			c := s.claims[topicPartition{f.Topic, f.Partition}]
			if c == nil || len(f.Records) == 0 {
				return
			}
			n, full := c.push(f.Records, at, boot)
			bytes += n
			records += len(f.Records)
			if full {
				pause[f.Topic] = append(pause[f.Topic], f.Partition)
			}
		})
		if len(pause) > 0 {
			client.PauseFetchPartitions(pause)
			s.resumeDrained(pause)
		}
		s.inc.group.metrics.in.Add(float64(records))
		at, boot = nextAt, nextBoot
		s.awaitRoom(bytes)
	}
}

// resumeDrained is for claims that were drained between the push that found them
// too long and the pause: their resume has come first, and would be in vain.
func (s *session) resumeDrained(paused map[string][]int32) {
	for topic, partitions := range paused {
		for _, p := range partitions {
			if !s.claims[topicPartition{topic, p}].isPaused() {
				s.inc.client.ResumeFetchPartitions(map[string][]int32{topic: {p}})
			}
		}
	}
}

func (s *session) pollError(topic string, partition int32, err error) {
	var lost *kgo.ErrGroupSession
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &lost) || errors.Is(err, kgo.ErrClientClosed) {
		return // no news; a lost group calls onLost
	}
	s.inc.fail(s.inc.cfg.fetchError(topic, partition, err))
}

// awaitRoom stops polling while too much waits for the callbacks. Heartbeats
// and rebalances go on.
func (s *session) awaitRoom(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued += bytes; s.queued > s.inc.cfg.QueueBytes && !s.over(); {
		s.room.Wait()
	}
}

// freed is called when a batch has left the queue of a claim.
func (s *session) freed(c *claim, bytes int, resume bool) {
	s.mu.Lock()
	s.queued -= bytes
	s.room.Broadcast()
	s.mu.Unlock()
	if resume {
		s.inc.client.ResumeFetchPartitions(map[string][]int32{c.topic: {c.partition}})
	}
}

// limit asks for a commit when the transaction is large, and keeps messages
// out of it meanwhile.
func (s *session) limit() {
	if s.inc.producedRecords.Load() < int64(s.inc.cfg.MaxTransactionRecords) && s.inc.producedBytes.Load() < int64(s.inc.cfg.MaxTransactionBytes) {
		return
	}
	s.gate.fill()
	signal(s.kick)
}
