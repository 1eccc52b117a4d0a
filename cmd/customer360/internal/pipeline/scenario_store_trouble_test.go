package pipeline

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"customer360/topology"
)

// known makes the store know A under id 1, with these orders.
func (c *cluster) known(email, orders string) {
	c.store.set(func(customers, all map[string]string) {
		customers[email], all["1"] = details(1, email), orders
	})
}

// renamed makes the store know A under another name.
func (c *cluster) renamed(email, orders string) {
	c.store.set(func(customers, all map[string]string) {
		customers[email], all["1"] = strings.Replace(details(1, email), "Store 1", "Renamed", 1), orders
	})
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", code) }
}

// Details come, orders do not: neither is published, until both come.
func TestScenario24_store_500_on_orders(t *testing.T) {
	scenario(t, func(c *cluster) {
		a := at(1, "A", "a@example.org")
		c.known(*a.email, "["+order(1)+"]")
		c.run("one")
		c.produce(c.change(100, nil, a))
		want := map[string]string{*a.email: both(a, 1), "order::1": order(1)}
		c.expect(want)
		c.store.broken(ordersEndpoint, status(http.StatusInternalServerError))
		c.renamed(*a.email, "["+order(2)+"]")
		c.polled("1")
		c.expect(want)
		c.store.broken(ordersEndpoint, nil)
		c.expect(map[string]string{*a.email: strings.Replace(both(a, 1), "Store 1", "Renamed", 1), "order::2": order(2)})
		c.noLetters()
		c.sameBytes()
	}, often)
}

func TestScenario24_store_404_then_back(t *testing.T) {
	scenario(t, func(c *cluster) {
		a := at(1, "A", "a@example.org")
		want := map[string]string{*a.email: both(a, 1), "order::1": order(1), "order::2": order(2)}
		c.known(*a.email, "["+order(1)+","+order(2)+"]")
		c.run("one")
		c.produce(c.change(100, nil, a))
		c.expect(want)
		c.store.set(func(customers, _ map[string]string) { delete(customers, *a.email) })
		c.expect(map[string]string{*a.email: a.document()})
		c.known(*a.email, "["+order(1)+","+order(2)+"]")
		c.expect(want)
		c.noLetters()
		c.sameBytes()
	}, often)
}

// The store's answer is on its way when the customer goes.
func TestScenario25_late_200_after_unwanted(t *testing.T) {
	a := at(1, "A", "a@example.org")
	begin := func(c *cluster) *late {
		c.known(*a.email, "["+order(1)+"]")
		answer := c.store.delay(*a.email)
		c.run("one")
		c.produce(c.change(100, nil, a))
		<-answer.made
		c.produce(c.change(200, a, nil), c.tombstone(1))
		c.expect(map[string]string{})
		return answer
	}
	arrives := func(c *cluster, answer *late) {
		before := len(c.read(topology.PollsTopic))
		close(answer.release)
		c.until("the late answer is in Kafka", func() bool { return len(c.read(topology.PollsTopic)) > before })
	}
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		scenario(t, func(c *cluster) {
			arrives(c, begin(c))
			c.expect(map[string]string{})
			if n := len(c.read(topology.AnswersTopic)); n != 0 {
				c.t.Errorf("%d answers about somebody who is gone", n)
			}
			c.noLetters()
			c.sameBytes()
		})
	})
	// The customer is back, and the store has another answer by then: the late
	// one is of a poll that nobody waits for any more.
	t.Run("back", func(t *testing.T) {
		t.Parallel()
		scenario(t, func(c *cluster) {
			answer := begin(c)
			c.renamed(*a.email, "["+order(2)+"]")
			c.produce(c.change(300, nil, a))
			want := map[string]string{*a.email: strings.Replace(both(a, 1), "Store 1", "Renamed", 1), "order::2": order(2)}
			c.expect(want)
			arrives(c, answer)
			c.expect(want)
			c.noLetters()
			c.sameBytes()
		})
	})
}

// spoiled is what happens to an answer that cannot be used: one dead letter,
// the last good answer stays, and the next good one counts.
func spoiled(t *testing.T, reason string, spoil func(c *cluster, email string)) {
	scenario(t, func(c *cluster) {
		a := at(1, "A", "a@example.org")
		c.known(*a.email, "["+order(1)+"]")
		c.run("one")
		c.produce(c.change(100, nil, a))
		want := map[string]string{*a.email: both(a, 1), "order::1": order(1)}
		c.expect(want)
		spoil(c, *a.email)
		c.polled(*a.email)
		c.expect(want)
		c.store.broken(detailsEndpoint, nil)
		c.store.broken(ordersEndpoint, nil)
		c.known(*a.email, "["+order(2)+"]")
		c.expect(map[string]string{*a.email: both(a, 1), "order::2": order(2)})
		if n := c.wrote(topology.AnswersTopic); n != 2 {
			c.t.Errorf("%d answers were published, want the good ones: 2", n)
		}
		letters := c.letters()
		if len(letters) != 1 {
			c.t.Errorf("%d dead letters, want one: the same bad answer again is none", len(letters))
		}
		for _, l := range letters {
			if !strings.Contains(l.Reason, reason) || strings.Contains(l.Reason, "@") {
				c.t.Errorf("dead letter of %s: %s, want %q and no email", l.Coordinates(), l.Reason, reason)
			}
		}
		c.sameBytes()
	}, often)
}

func TestScenario27_answer_for_another_email(t *testing.T) {
	spoiled(t, "another email", func(c *cluster, email string) {
		c.store.set(func(customers, orders map[string]string) {
			customers[email], orders["9"] = details(9, "b@example.org"), "["+order(9)+"]"
		})
	})
}

func TestScenario27_truncated_body(t *testing.T) {
	t.Run("connection cut", func(t *testing.T) {
		t.Parallel()
		spoiled(t, "orders: ", func(c *cluster, _ string) {
			c.store.broken(ordersEndpoint, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", fmt.Sprint(len(order(2))+2))
				_, _ = w.Write([]byte("[" + order(2)[:40]))
			})
		})
	})
	t.Run("JSON cut", func(t *testing.T) {
		t.Parallel()
		spoiled(t, "the orders are not JSON", func(c *cluster, _ string) {
			c.store.set(func(_, orders map[string]string) { orders["1"] = "[" + order(2)[:40] })
		})
	})
}

func TestScenario27_html_instead_of_json(t *testing.T) {
	spoiled(t, "text/html", func(c *cluster, _ string) {
		c.store.broken(detailsEndpoint, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<html><body>Scheduled maintenance</body></html>"))
		})
	})
}

// The store is down as a whole: the process stays ready, /readyz says what is
// wrong, and all is well by itself when the store is back.
func TestReadyWithAnOpenCircuit(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.store.broken(detailsEndpoint, status(http.StatusBadGateway))
	r := c.run("one")
	want := map[string]string{}
	for id := 1; id <= 30; id++ { // more than polls that may fail before it opens
		p := at(id, "Anne", fmt.Sprintf("a%d@example.org", id))
		c.produce(c.change(100+id, nil, p))
		want[*p.email] = p.document()
	}
	c.until("the circuit is open and everything ready", func() bool {
		return r.serving() && strings.HasPrefix(r.state("restpoll"), "circuit open: the store does not answer")
	})
	if state := r.state("restpoll"); !strings.Contains(state, "details: status 502") || strings.Contains(state, "@") {
		t.Errorf("/readyz says: %s", state)
	}
	c.until("the documents are there without the store", func() bool {
		return difference(want, c.documents("customer360")) == ""
	})
	c.store.broken(detailsEndpoint, nil)
	c.expect(want) // with a first answer for everyone
	if state := r.state("restpoll"); state != "circuit closed" {
		t.Errorf("/readyz says: %s", state)
	}
	c.noLetters()
}

// state is what /readyz says of a part.
func (r *running) state(part string) string {
	for _, p := range r.Parts() {
		if p.Name == part {
			return p.State
		}
	}
	return ""
}
