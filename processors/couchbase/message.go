package couchbase

import (
	"time"

	"customer360/codec"
	"customer360/topology/engine"
)

// message is a record on its way into Couchbase.
type message struct {
	key string
	mutation
	raw      *codec.Raw
	delivery engine.Delivery
	done     func(error) // moves the offset, or ends the engine's incarnation
	split    parts       // for mutation.parts
}

// fitness says whether a message may still be acted on.
type fitness uint8

const (
	fit     fitness = iota
	lapsed          // its session is over: somebody else does it again
	tooLong         // fetched too long ago: a removal's fence may be purged meanwhile
)

func (m *message) fitness(maxAge time.Duration) fitness {
	switch {
	case !m.delivery.Live():
		return lapsed
	case m.delivery.Age() > maxAge:
		return tooLong
	}
	return fit
}

// queue holds the messages of one key that are under way. They may come from
// several sessions.
type queue struct {
	key      string
	messages []*message
}

// newest is the message to write next: the others are superseded by it, unless
// it is refused.
func (q *queue) newest() *message {
	var newest *message
	for _, m := range q.messages {
		if newest == nil || m.fence.Compare(newest.fence) > 0 {
			newest = m
		}
	}
	return newest
}

// take removes and returns the messages for which pick is true.
func (q *queue) take(pick func(*message) bool) []*message {
	var taken []*message
	kept := q.messages[:0]
	for _, m := range q.messages {
		if pick(m) {
			taken = append(taken, m)
		} else {
			kept = append(kept, m)
		}
	}
	clear(q.messages[len(kept):])
	q.messages = kept
	return taken
}
