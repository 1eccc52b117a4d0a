package restpoll

import (
	"context"
	"time"
)

// place says where an item of an agenda is.
type place uint8

const (
	placeFirst  place = iota // due heap of emails that wait for their first answer
	placeRepeat              // due heap of all others
	placeFlight              // asked for; its result is under way
	placeParked              // of an older generation: no document has confirmed it
)

// item is one wanted email. A million of them must fit: 48 bytes, the key and
// an index entry each.
type item struct {
	key      string
	due      int64  // Unix milliseconds
	poll     uint64 // number of the next poll
	tags     *tags  // nil: ask unconditionally
	slot     int32  // in the heap
	place    place
	answered bool
}

// agenda is what one partition has to ask for, and when. The scheduler's lock
// guards it.
type agenda struct {
	partition int32
	ctx       context.Context // ends when the partition is taken away
	cancel    context.CancelFunc

	// open is set once the results that lay in onlinestore.polls at the
	// recovery have been read, up to until.
	open  bool
	until int64 // 0: not known yet
	read  int64 // how far the callback has come
	born  time.Time

	index    map[string]int32
	items    []item
	free     []int32
	heaps    [2][]int32 // by placeFirst and placeRepeat: numbers of items
	answered int
	tagged   int
	parked   int
}

func newAgenda(ctx context.Context, now time.Time, partition int32) *agenda {
	a := &agenda{partition: partition, born: now, index: make(map[string]int32)}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// plan is an entry of the table as the agenda sees it.
type plan struct {
	due      int64
	poll     uint64
	answered bool
	parked   bool
	tags     *tags
}

// put adds an email, or changes when it is due. A poll under way stays under
// way while its number is the one awaited.
func (a *agenda) put(key string, p plan) {
	n, ok := a.index[key]
	if !ok {
		n = a.alloc(key)
	} else if it := &a.items[n]; it.place == placeFlight && it.poll == p.poll && !p.parked {
		return
	}
	a.leave(n)
	it := &a.items[n]
	if it.answered != p.answered {
		a.answered += 2*btoi(p.answered) - 1
	}
	a.tagged += btoi(p.tags != nil) - btoi(it.tags != nil)
	a.parked += btoi(p.parked) - btoi(it.place == placeParked)
	it.due, it.poll, it.answered, it.tags = p.due, p.poll, p.answered, p.tags
	it.place = placeRepeat
	switch {
	case p.parked:
		it.place = placeParked
		return
	case !p.answered:
		it.place = placeFirst
	}
	a.enter(n)
}

// remove forgets an email.
func (a *agenda) remove(key string) {
	n, ok := a.index[key]
	if !ok {
		return
	}
	a.leave(n)
	a.answered -= btoi(a.items[n].answered)
	a.tagged -= btoi(a.items[n].tags != nil)
	a.parked -= btoi(a.items[n].place == placeParked)
	delete(a.index, key)
	a.items[n] = item{}
	a.free = append(a.free, n)
}

// next is the earliest item of a heap.
func (a *agenda) next(p place) (*item, bool) {
	if len(a.heaps[p]) == 0 {
		return nil, false
	}
	return &a.items[a.heaps[p][0]], true
}

// start takes the earliest item of a heap for a request.
func (a *agenda) start(p place) *item {
	n := a.heaps[p][0]
	a.leave(n)
	a.items[n].place = placeFlight
	return &a.items[n]
}

// again puts a poll back that was started and has no result.
func (a *agenda) again(key string, poll uint64, due int64) {
	n, ok := a.index[key]
	if !ok || a.items[n].place != placeFlight || a.items[n].poll != poll {
		return
	}
	it := &a.items[n]
	it.due, it.place = due, placeRepeat
	if !it.answered {
		it.place = placeFirst
	}
	a.enter(n)
}

func (a *agenda) alloc(key string) int32 {
	var n int32
	if last := len(a.free) - 1; last >= 0 {
		n, a.free = a.free[last], a.free[:last]
	} else {
		n = int32(len(a.items))
		a.items = append(a.items, item{})
	}
	a.items[n] = item{key: key, place: placeFlight}
	a.index[key] = n
	return n
}

// enter puts the item into the heap of its place.
func (a *agenda) enter(n int32) {
	p := a.items[n].place
	a.items[n].slot = int32(len(a.heaps[p]))
	a.heaps[p] = append(a.heaps[p], n)
	a.up(p, len(a.heaps[p])-1)
}

// leave takes the item out of its heap, if it is in one.
func (a *agenda) leave(n int32) {
	p := a.items[n].place
	if p > placeRepeat {
		return
	}
	h, slot := a.heaps[p], int(a.items[n].slot)
	last := len(h) - 1
	a.swap(h, slot, last)
	a.heaps[p] = h[:last]
	if slot < last {
		a.down(p, slot)
		a.up(p, slot)
	}
}

// The heap is written out: container/heap would box an index per operation.

func (a *agenda) swap(h []int32, i, j int) {
	h[i], h[j] = h[j], h[i]
	a.items[h[i]].slot, a.items[h[j]].slot = int32(i), int32(j)
}

func (a *agenda) less(h []int32, i, j int) bool { return a.items[h[i]].due < a.items[h[j]].due }

func (a *agenda) up(p place, i int) {
	for h := a.heaps[p]; i > 0 && a.less(h, i, (i-1)/2); i = (i - 1) / 2 {
		a.swap(h, i, (i-1)/2)
	}
}

func (a *agenda) down(p place, i int) {
	h := a.heaps[p]
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if a.less(h, child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		a.swap(h, i, least)
		i = least
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
