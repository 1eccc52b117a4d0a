package pipeline

import (
	"fmt"
	"strings"
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

func order(id int) string {
	return fmt.Sprintf(`{"OrderId":%d,"PurchaseDate":"2019-04-25T15:15:58","CustomerId":1,"Items":[{"OrderId":%d,"ProductId":100,"Quantity":1,"Price":10.50}]}`, id, id)
}

// both is the document of a row whom the store knows too.
func both(p *person, store int) string {
	return fmt.Sprintf(`{"type":"user","profile":{"name":"Store %d","email":%q},"xrefs":[{"external_system":"online_store","external_ID":%d,"pass":"secret"},`+
		`{"external_system":"home_delivery","external_ID":%d}]}`, store, *p.email, store, p.id)
}

// TestOrderMovesOwner: the store's customer moves from A to B. Polls see A's
// 404 first, or B's 200 first: order::1 is there in the end.
func TestOrderMovesOwner(t *testing.T) {
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
			c := start(t, often)
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
		})
	}
}

func TestStore404ThenBack(t *testing.T) {
	t.Parallel()
	c := start(t, often)
	a := at(1, "A", "a@example.org")
	known := func(customers, orders map[string]string) {
		customers[*a.email], orders["1"] = details(1, *a.email), "["+order(1)+","+order(2)+"]"
	}
	want := map[string]string{*a.email: both(a, 1), "order::1": order(1), "order::2": order(2)}
	c.store.set(known)
	c.run("one")
	c.produce(c.change(100, nil, a))
	c.expect(want)
	c.store.set(func(customers, _ map[string]string) { delete(customers, *a.email) })
	c.expect(map[string]string{*a.email: a.document()})
	c.store.set(known)
	c.expect(want)
	c.noLetters()
}

// TestPrimaryLeavesPolledEmail: a row that moves from A after A was polled
// leaves the same bytes as one that was never there, orders included.
func TestPrimaryLeavesPolledEmail(t *testing.T) {
	a, b := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org")
	for name, polled := range map[string]bool{"polled": true, "never polled": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, often)
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
				t.Errorf("A was asked for: %v", asked)
			}
			c.noLetters()
		})
	}
}

func TestAnswerForAnotherEmail(t *testing.T) {
	t.Parallel()
	c := start(t, often)
	a := at(1, "A", "a@example.org")
	good := func(customers, orders map[string]string) {
		customers[*a.email], orders["1"] = details(1, *a.email), "["+order(1)+"]"
	}
	want := map[string]string{*a.email: both(a, 1), "order::1": order(1)}
	c.store.set(good)
	c.run("one")
	c.produce(c.change(100, nil, a))
	c.expect(want)
	c.store.set(func(customers, orders map[string]string) {
		customers[*a.email], orders["9"] = details(9, "b@example.org"), "["+order(9)+"]"
	})
	c.eventually(func() string {
		if len(c.letters()) == 0 {
			return "no dead letter"
		}
		return difference(want, c.documents("customer360"))
	})
	c.store.set(func(customers, orders map[string]string) {
		good(customers, orders)
		orders["1"] = "[" + order(2) + "]"
	})
	c.expect(map[string]string{*a.email: both(a, 1), "order::2": order(2)})
	for _, l := range c.letters() {
		if !strings.Contains(l.Reason, "another email") {
			t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
		}
		if strings.Contains(fmt.Sprint(l.Reason), "b@example.org") {
			t.Error("the reason shows an email")
		}
	}
}
