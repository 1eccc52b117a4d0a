package simulate

import "iter"

// shop is what the Online Store knows: the population's customers and orders
// under an overlay of what changed since. It is not safe for concurrent use.
type shop struct {
	p         *population
	changed   map[int64]*Customer // by id; nil: left
	orders    map[int64][]Order   // by customer, where they differ
	byEmail   map[string]int64    // normalised, of changed customers
	signedUp  map[int64]bool      // people who were not customers at the beginning
	live      int64
	nextID    int64
	nextOrder int64
	emails    int64
}

func newShop(p *population) *shop {
	return &shop{
		p: p, changed: make(map[int64]*Customer), orders: make(map[int64][]Order), byEmail: make(map[string]int64),
		signedUp: make(map[int64]bool), live: p.customerCount(), nextID: p.nextCustomerID(), nextOrder: p.nextOrderID(),
	}
}

func (s *shop) customer(id int64) (Customer, bool) {
	if c, ok := s.changed[id]; ok {
		if c == nil {
			return Customer{}, false
		}
		return *c, true
	}
	if i, ok := s.p.customerPerson(id); ok {
		return s.p.customer(i, id), true
	}
	return Customer{}, false
}

// byAddress finds the customer of an e-mail address, however it is spelled.
func (s *shop) byAddress(email string) (Customer, bool) {
	key := normalise(email)
	if id, ok := s.byEmail[key]; ok {
		return s.customer(id)
	}
	i, ok := emailPerson(key)
	if !ok && key == s.p.matthew.Customer.Email {
		i, ok = 0, true
	}
	if !ok || i >= s.p.n || !inStore(i) {
		return Customer{}, false
	}
	// The number alone proves nothing: anyone may ask for any address.
	c, ok := s.customer(customerID(i))
	return c, ok && normalise(c.Email) == key
}

func (s *shop) ordersOf(customer int64) []Order {
	if _, ok := s.customer(customer); !ok {
		return nil
	}
	if orders, ok := s.orders[customer]; ok {
		return orders
	}
	if i, ok := s.p.customerPerson(customer); ok {
		return s.p.orders(i)
	}
	return nil
}

// customers yields everyone with their orders, by id.
func (s *shop) customers() iter.Seq2[Customer, []Order] {
	return func(yield func(Customer, []Order) bool) {
		for id := int64(1); id < s.nextID; id++ {
			if c, ok := s.customer(id); ok && !yield(c, s.ordersOf(id)) {
				return
			}
		}
	}
}

func (s *shop) set(c Customer) {
	s.changed[c.ID] = &c
	s.byEmail[normalise(c.Email)] = c.ID
}

func (s *shop) anyCustomer(d *dice) (Customer, bool) {
	for range 16 {
		id := 1 + d.below64(s.nextID-1)
		if c, ok := s.customer(id); ok && id != s.p.matthew.Customer.ID {
			return c, true
		}
	}
	return Customer{}, false
}
