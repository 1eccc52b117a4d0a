package simulate

import (
	"slices"
	"strings"
)

// happen lets one thing happen in the Online Store. It is a function of the
// shop and the dice. Where there is nobody it could happen to, nothing does.
func (s *shop) happen(d *dice) {
	switch what := d.Below(40); {
	case what < 20:
		s.buy(d)
	case what < 25:
		s.changeOrder(d)
	case what < 28:
		s.cancelOrder(d)
	case what < 34:
		s.signUp(d)
	case what < 36:
		s.leave(d)
	case what < 38:
		s.rename(d)
	default:
		s.changeEmail(d)
	}
}

func (s *shop) buy(d *dice) {
	c, ok := s.anyCustomer(d)
	if !ok {
		s.signUp(d)
		return
	}
	s.orders[c.ID] = append(slices.Clone(s.ordersOf(c.ID)), s.p.order(d, s.nextOrder, c.ID))
	s.nextOrder++
}

func (s *shop) changeOrder(d *dice) {
	if c, orders, ok := s.anyOrders(d); ok {
		k := d.Below(len(orders))
		orders[k].Items = slices.Clone(orders[k].Items)
		orders[k].Items[d.Below(len(orders[k].Items))].Quantity = 6 + d.Below(10)
		s.orders[c.ID] = orders
	}
}

func (s *shop) cancelOrder(d *dice) {
	if c, orders, ok := s.anyOrders(d); ok {
		k := d.Below(len(orders))
		s.orders[c.ID] = slices.Delete(orders, k, k+1)
	}
}

// anyOrders returns somebody's orders, to be changed.
func (s *shop) anyOrders(d *dice) (Customer, []Order, bool) {
	c, ok := s.anyCustomer(d)
	if !ok {
		return c, nil, false
	}
	orders := slices.Clone(s.ordersOf(c.ID))
	return c, orders, len(orders) > 0
}

// signUp makes a customer of somebody whom another system knows already.
func (s *shop) signUp(d *dice) {
	i := d.below64(s.p.n)/6*6 + 3 + d.below64(3)
	if i >= s.p.n || s.signedUp[i] {
		return
	}
	s.signedUp[i] = true
	c := s.p.customer(i, s.nextID)
	s.nextID++
	s.live++
	s.set(c)
	s.orders[c.ID] = []Order{s.p.order(d, s.nextOrder, c.ID)}
	s.nextOrder++
}

func (s *shop) leave(d *dice) {
	c, ok := s.anyCustomer(d)
	if !ok {
		return
	}
	s.set(c) // so that its address leads to it, and so to nobody
	s.changed[c.ID] = nil
	delete(s.orders, c.ID)
	s.live--
}

func (s *shop) rename(d *dice) {
	if c, ok := s.anyCustomer(d); ok {
		c.Name = strings.TrimSpace(c.Name) + " Jr."
		s.set(c)
	}
}

func (s *shop) changeEmail(d *dice) {
	c, ok := s.anyCustomer(d)
	if !ok {
		return
	}
	s.emails++
	s.byEmail[normalise(c.Email)] = 0 // customer 0 never was
	c.Email = strings.Replace(newEmail(c.Email, s.emails), "~r", "~o", 1)
	s.set(c)
}
