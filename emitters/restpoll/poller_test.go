package restpoll

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"customer360/topology"
)

const orders1 = `[{"OrderId":1,"PurchaseDate":"2019-04-25","CustomerId":7,"Items":[{"OrderId":1,"ProductId":100,"Quantity":1,"Price":10.5},{"OrderId":1,"ProductId":999,"Quantity":1,"Price":1}]}]`

// quick polls again and again.
func quick(cfg *Config, _ *Deps) {
	cfg.Interval, cfg.NotFoundInterval = 100*time.Millisecond, 100*time.Millisecond
}

func TestDocumentsInAnswersOut(t *testing.T) {
	w := newWorld(t)
	w.store.set("a+b@example.com", orders1)
	p, stop := w.start("one", quick)
	w.until("ready", p.Ready)
	asked := time.Now()
	w.documents([]byte(`{}`), "a+b@example.com", "order::1", "nobody@example.com")
	w.answered(p, 2)
	if took := time.Since(asked); took > 2*time.Second {
		t.Errorf("a new customer was polled after %v", took)
	}
	w.published("a+b@example.com", ok200("a+b@example.com", orders1))
	w.published("nobody@example.com", gone)

	w.until("more polls", func() bool { return w.store.requests(endpointDetails) > 8 })
	w.store.set("a+b@example.com", `[]`)
	w.published("a+b@example.com", ok200("a+b@example.com", orders1), ok200("a+b@example.com", `[]`))
	w.store.set("a+b@example.com", "") // store_404_then_back
	w.published("a+b@example.com", ok200("a+b@example.com", orders1), ok200("a+b@example.com", `[]`), gone)
	w.store.set("a+b@example.com", `[]`)
	w.published("a+b@example.com", ok200("a+b@example.com", orders1), ok200("a+b@example.com", `[]`), gone, ok200("a+b@example.com", `[]`))

	w.documents(nil, "nobody@example.com", "never@example.com")
	w.published("nobody@example.com", gone, "null")
	w.until("one wanted", func() bool { return p.Status().Wanted == 1 })
	stop()
	if n := len(w.broker.Records(t, topology.DeadLetterTopic)); n > 0 {
		t.Errorf("%d dead letters", n)
	}
	if n := w.answers("never@example.com"); len(n) > 0 {
		t.Errorf("published %q for who was never wanted", n)
	}
}

func TestProductsAreFetchedOnce(t *testing.T) {
	w := newWorld(t)
	w.store.set("a@example.com", orders1)
	products := func() (values []string) {
		for _, r := range w.broker.Records(t, topology.ProductsTopic) {
			values = append(values, string(r.Key)+" "+string(r.Value))
		}
		return values
	}
	want := []string{`100 {"ProductId":100,"Name":"Tennis Shoes"}`}
	p, stop := w.start("one", quick)
	w.documents([]byte(`{}`), "a@example.com")
	w.until("the product and three attempts at the unknown one", func() bool {
		return slices.Equal(products(), want) && w.store.requests("productId=999") == 3
	})
	polls := w.store.requests(endpointOrders)
	w.until("more polls", func() bool { return w.store.requests(endpointOrders) > polls+5 })
	if p.Status().Circuit != "closed" {
		t.Error("an unknown product opens the circuit")
	}
	stop()
	p, stop = w.start("one", quick)
	w.until("polls after the restart", func() bool { return p.Status().Requests > 10 })
	stop()
	if n := w.store.requests("productId=100"); n != 1 || !slices.Equal(products(), want) {
		t.Errorf("%d requests for a product, published %q", n, products())
	}
}

func TestRestartAsksNothingAgain(t *testing.T) {
	w := newWorld(t)
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprintf("c%d@example.com", i))
		w.store.set(keys[i], `[]`)
	}
	p, stop := w.start("one", nil)
	w.documents([]byte(`{}`), keys...)
	w.answered(p, 200)
	stop()
	before := w.store.requests("")
	// Another machine: it has to recover everything from Kafka.
	p, stop = w.start("two", nil)
	w.until("ready", func() bool { return p.Ready() && p.Status().Partitions == 4 })
	w.documents([]byte(`{"again":1}`), keys...)
	w.documents([]byte(`{}`), "new@example.com")
	w.answered(p, 201)
	stop()
	if n := w.store.requests("") - before; n != 1 {
		t.Errorf("%d requests after the restart, want the new customer's", n)
	}
	if n := len(w.broker.Records(t, topology.AnswersTopic)); n != 201 {
		t.Errorf("%d answers for 201 customers", n)
	}
}

// rebuild_does_not_poll: a new generation over what is answered already.
func TestRebuildDoesNotPoll(t *testing.T) {
	w := newWorld(t)
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprintf("c%d@example.com", i))
	}
	p, stop := w.start("one", nil)
	w.documents([]byte(`{}`), keys...)
	w.answered(p, 1000)
	stop()
	before := w.store.requests("")
	w.settings.Generation = 2
	w.topics()
	w.documents([]byte(`{}`), keys[1:]...)
	w.documents(nil, keys[0]) // what the new one lacks is removed at promotion
	p, stop = w.start("one", nil)
	w.until("confirmed", func() bool { s := p.Status(); return s.Wanted == 999 && s.Parked == 0 && s.Answered == 999 })
	w.documents([]byte(`{}`), "new@example.com")
	w.answered(p, 1000)
	stop()
	if n := w.store.requests("") - before; n != 1 {
		t.Errorf("%d requests after the rebuild, want the new customer's", n)
	}
	w.published(keys[0], gone, "null")
	w.published(keys[1], gone)
}

func TestTwoInstancesShare(t *testing.T) {
	w := newWorld(t)
	a, stopA := w.start("a", nil)
	b, stopB := w.start("b", nil)
	w.until("two partitions each", func() bool { return a.Status().Partitions == 2 && b.Status().Partitions == 2 })
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("c%d@example.com", i))
	}
	w.documents([]byte(`{}`), keys...)
	w.until("all answered", func() bool { return a.Status().Answered+b.Status().Answered == 300 })
	if a.Status().Answered < 50 || b.Status().Answered < 50 {
		t.Errorf("%d and %d: not shared", a.Status().Answered, b.Status().Answered)
	}
	stopA()
	w.until("b owns all", func() bool { s := b.Status(); return s.Partitions == 4 && s.Answered == 300 })
	w.documents([]byte(`{}`), "new@example.com")
	w.answered(b, 301)
	stopB()
	if n := w.store.requests(""); n != 301 {
		t.Errorf("%d requests for 301 customers, unknown to the store", n)
	}
}

func TestFreezeAsksFirstAnswersOnly(t *testing.T) {
	w := newWorld(t)
	p, stop := w.start("one", quick)
	w.documents([]byte(`{}`), "a@example.com")
	w.answered(p, 1)
	p.Freeze()
	w.documents([]byte(`{}`), "b@example.com")
	w.until("wanted", func() bool { return p.Status().Wanted == 2 })
	w.until("no email lacks its first answer", func() bool { return p.Unanswered() == 0 })
	before := w.store.requests("a%40example.com")
	time.Sleep(300 * time.Millisecond) // three intervals
	if n := w.store.requests("a%40example.com") - before; n > 1 || w.store.requests("b%40example.com") != 1 {
		t.Errorf("%d requests after the freeze", n)
	}
	stop()
}
