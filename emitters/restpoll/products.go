package restpoll

import "time"

// maxProducts bounds the memory that a store with nonsense for product ids can
// take.
const maxProducts = 100_000

// productQueue knows every product id that orders have named: those that are
// known already, and those to ask for. The schedule's lock guards it.
type productQueue struct {
	attempts   int
	base, most time.Duration

	ready    bool // what onlinestore.products holds is known
	products map[string]*product
	waiting  []string // to ask for, in the order they were seen
	later    []string // failed before; asked for again in the order they failed
}

type product struct {
	known    bool // published, or given up
	failures int
	due      time.Time // of later
}

func newProductQueue(cfg Config) productQueue {
	return productQueue{attempts: cfg.ProductAttempts, base: cfg.RetryBackoff, most: cfg.RetryBackoffMax, products: make(map[string]*product)}
}

// seen notes a product id that an order names.
func (q *productQueue) seen(id []byte) {
	if _, ok := q.products[string(id)]; ok || len(q.products) >= maxProducts || len(id) == 0 {
		return
	}
	q.products[string(id)] = &product{}
	q.waiting = append(q.waiting, string(id))
}

// known notes a product that is published.
func (q *productQueue) known(id string) {
	if p := q.products[id]; p != nil {
		p.known = true
		return
	}
	q.products[id] = &product{known: true}
}

// due says whether a product is to be asked for now.
func (q *productQueue) due(now time.Time) bool {
	for len(q.waiting) > 0 && q.products[q.waiting[0]].known {
		q.waiting = q.waiting[1:]
	}
	if len(q.waiting) == 0 && len(q.later) > 0 && !q.products[q.later[0]].due.After(now) {
		q.waiting, q.later = append(q.waiting, q.later[0]), q.later[1:]
	}
	return q.ready && len(q.waiting) > 0
}

// wait is how long no product is due; 0: no idea.
func (q *productQueue) wait(now time.Time) time.Duration {
	if !q.ready || len(q.later) == 0 {
		return 0
	}
	return max(time.Millisecond, q.products[q.later[0]].due.Sub(now))
}

// start takes the product that is due.
func (q *productQueue) start() string {
	id := q.waiting[0]
	q.waiting = q.waiting[1:]
	return id
}

// failed ends a request without a product: the store answers 500 for one that
// it does not know, which looks like a failure and may be none.
func (q *productQueue) failed(now time.Time, id string) {
	p := q.products[id]
	p.failures++
	if p.failures >= q.attempts {
		p.known = true
		return
	}
	p.due = now.Add(backoff(id, p.failures, q.base, q.most))
	q.later = append(q.later, id)
}
