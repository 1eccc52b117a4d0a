package pipeline

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"customer360/cmd/customer360/internal/config"
)

// often polls often enough to see the store change.
func often(c *config.Config) {
	c.OnlineStore.Interval, c.OnlineStore.NotFoundInterval = 150*time.Millisecond, 150*time.Millisecond
}

func details(id int, email string) string {
	return fmt.Sprintf(`{"Id":%d,"Name":"Store %d","Email":%q,"Password":"secret"}`, id, id, email)
}

func order(id int) string { return orderOf(id, 1) }

// orderOf is an order as the store sends it to one of its customers.
func orderOf(id, customer int) string {
	return fmt.Sprintf(`{"OrderId":%d,"PurchaseDate":"2019-04-25T15:15:58","CustomerId":%d,"Items":[{"OrderId":%d,"ProductId":100,"Quantity":1,"Price":10.50}]}`,
		id, customer, id)
}

// both is the document of a row whom the store knows too.
func both(p *person, store int) string {
	return fmt.Sprintf(`{"type":"user","profile":{"name":"Store %d","email":%q},"xrefs":[{"external_system":"online_store","external_ID":%d,"pass":"secret"},`+
		`{"external_system":"home_delivery","external_ID":%d}]}`, store, *p.email, store, p.id)
}

// The store's customer moves from A to B. Polls see A's 404 first, or B's 200
// first.
func TestScenario21_order_moves_owner(t *testing.T) {
	a, b := at(1, "A", "a@example.org"), at(2, "B", "b@example.org")
	gone := func(customers, _ map[string]string) { delete(customers, *a.email) }
	come := func(customers, _ map[string]string) { customers[*b.email] = details(1, *b.email) }
	nobody := map[string]string{*a.email: a.document(), *b.email: b.document()}
	everybody := map[string]string{*a.email: both(a, 1), *b.email: both(b, 1), "order::1": order(1)}
	for name, s := range map[string]struct {
		first, second func(customers, orders map[string]string)
		between       map[string]string
	}{
		"404 first": {gone, come, nobody},
		"200 first": {come, gone, everybody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(c *cluster) {
				c.store.set(func(customers, orders map[string]string) {
					customers[*a.email], orders["1"] = details(1, *a.email), "["+order(1)+"]"
				})
				c.run("one")
				c.produce(c.change(100, nil, a), c.change(110, nil, b))
				c.expect(map[string]string{*a.email: both(a, 1), *b.email: b.document(), "order::1": order(1)})
				c.store.set(s.first)
				c.expect(s.between)
				c.store.set(s.second)
				c.expect(map[string]string{*a.email: a.document(), *b.email: both(b, 1), "order::1": order(1)})
				c.noLetters()
				c.sameBytes()
			}, often)
		})
	}
}

func TestScenario22_order_gone(t *testing.T) {
	scenario(t, func(c *cluster) {
		a := at(1, "A", "a@example.org")
		lists := func(list string) {
			c.store.set(func(customers, orders map[string]string) {
				customers[*a.email], orders["1"] = details(1, *a.email), list
			})
		}
		lists("[" + order(1) + "," + order(2) + "]")
		c.run("one")
		c.produce(c.change(100, nil, a))
		c.expect(map[string]string{*a.email: both(a, 1), "order::1": order(1), "order::2": order(2)})
		lists("[" + order(2) + "]")
		c.expect(map[string]string{*a.email: both(a, 1), "order::2": order(2)})
		lists("[]")
		c.expect(map[string]string{*a.email: both(a, 1)})
		lists("[" + order(1) + "]") // and back
		c.expect(map[string]string{*a.email: both(a, 1), "order::1": order(1)})
		c.noLetters()
		c.sameBytes()
	}, often)
}

// The store gives the number of an order that A lost to one of B's.
func TestScenario22_order_id_reused(t *testing.T) {
	scenario(t, func(c *cluster) {
		a, b := at(1, "A", "a@example.org"), at(2, "B", "b@example.org")
		people := map[string]string{*a.email: both(a, 1), *b.email: both(b, 2)}
		owns := func(ofA, ofB string) {
			c.store.set(func(_, orders map[string]string) { orders["1"], orders["2"] = "["+ofA+"]", "["+ofB+"]" })
		}
		with := func(body string) map[string]string {
			all := maps.Clone(people)
			all["order::7"] = body
			return all
		}
		c.store.set(func(customers, _ map[string]string) {
			customers[*a.email], customers[*b.email] = details(1, *a.email), details(2, *b.email)
		})
		owns(orderOf(7, 1), "")
		c.run("one")
		c.produce(c.change(100, nil, a), c.change(110, nil, b))
		c.expect(with(orderOf(7, 1)))
		owns("", "")
		c.expect(people)
		owns("", orderOf(7, 2))
		c.expect(with(orderOf(7, 2)))
		owns(orderOf(7, 1), "") // in one night: whichever poll comes first
		c.expect(with(orderOf(7, 1)))
		owns(orderOf(7, 1), orderOf(7, 2)) // both: the smallest email until one lets go
		c.polled("1")
		c.polled("2")
		c.expect(with(orderOf(7, 1)))
		owns("", orderOf(7, 2))
		c.expect(with(orderOf(7, 2)))
		c.noLetters()
		c.sameBytes()
	}, often)
}

// A row that moves from A after A was polled leaves the same bytes as one that
// was never there, orders included; and A's are back when the row is.
func TestScenario23_primary_leaves_polled_email(t *testing.T) {
	a, b := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org")
	for name, polled := range map[string]bool{"polled": true, "never polled": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(c *cluster) {
				c.store.set(func(customers, orders map[string]string) {
					customers[*a.email], orders["1"] = details(1, *a.email), "["+order(1)+"]"
					customers[*b.email], orders["2"] = details(2, *b.email), "["+order(2)+"]"
				})
				c.run("one")
				if polled {
					c.produce(c.change(100, nil, a))
					c.expect(map[string]string{*a.email: both(a, 1), "order::1": order(1)})
					c.produce(c.change(200, a, b))
				} else {
					c.produce(c.change(200, nil, b))
				}
				c.expect(map[string]string{*b.email: both(b, 2), "order::2": order(2)})
				if asked := c.store.requests(*a.email) > 0; asked != polled {
					c.t.Errorf("A was asked for: %v", asked)
				}
				c.sameBytes()
				c.produce(c.change(300, b, a))
				c.expect(map[string]string{*a.email: both(a, 1), "order::1": order(1)})
				c.noLetters()
				c.sameBytes()
			}, often)
		})
	}
}
