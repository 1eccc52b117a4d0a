package simulate

import "iter"

// What the pipeline should have understood. The iterators hold the world still:
// use what they yield and return soon. They are the truth once Run has returned
// nil, and while life is frozen; during life Kafka may be a step behind them.

// ExpectRows yields Home Delivery's table by id: before the snapshot is complete,
// what it will be.
func (w *World) ExpectRows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		w.mu.RLock()
		defer w.mu.RUnlock()
		w.home.rows(yield)
	}
}

// ExpectMembers yields Loyalty's last export by id; nothing before the first.
func (w *World) ExpectMembers() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		w.mu.RLock()
		defer w.mu.RUnlock()
		w.loyalty.members(yield)
	}
}

// ExpectStore yields everyone in the Online Store by id, with their orders.
func (w *World) ExpectStore() iter.Seq2[Customer, []Order] {
	return func(yield func(Customer, []Order) bool) {
		w.mu.RLock()
		defer w.mu.RUnlock()
		w.shop.customers()(yield)
	}
}

// ExpectKey is the document key of an e-mail address of any of the systems.
func ExpectKey(email string) string { return normalise(email) }
