package restpoll

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
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

func TestStoreTrouble(t *testing.T) {
	html := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
	}
	for name, c := range map[string]struct {
		endpoint string
		handler  http.HandlerFunc
		dead     string // part of the only dead letter's reason; "": none
	}{
		"store_500_on_orders":      {endpointOrders, status(500), ""},
		"store_500_on_details":     {endpointDetails, status(500), ""},
		"404 on orders":            {endpointOrders, status(404), ""},
		"html_instead_of_json":     {endpointDetails, html, "the details are no JSON object: the store sent text/html"},
		"truncated_body":           {endpointOrders, body(orders1[:40]), "the orders are not JSON"},
		"answer_for_another_email": {endpointDetails, body(customer("b@example.com")), "another email"},
		"huge body":                {endpointOrders, body("[" + strings.Repeat(" ", 1<<16) + "]"), "larger than allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.set("a@example.com", orders1)
			w.store.set("b@example.com", `[]`)
			p, stop := w.start("one", func(cfg *Config, d *Deps) {
				quick(cfg, d)
				cfg.MaxBodyBytes, cfg.RetryBackoffMax = 1<<15, 50*time.Millisecond
				cfg.CircuitWait, cfg.CircuitWaitMax = 10*time.Millisecond, 10*time.Millisecond
			})
			w.documents([]byte(`{}`), "a@example.com")
			w.answered(p, 1)
			former := w.store.handle(c.endpoint, c.handler)
			polls := w.store.requests(endpointDetails)
			w.until("polls in vain", func() bool { return w.store.requests(endpointDetails) > polls+4 })
			w.published("a@example.com", ok200("a@example.com", orders1)) // the last good one stays
			w.store.set("a@example.com", `[]`)
			w.store.handle(c.endpoint, former)
			w.published("a@example.com", ok200("a@example.com", orders1), ok200("a@example.com", `[]`))
			stop()
			var reasons []string
			for _, r := range w.broker.Records(t, topology.DeadLetterTopic) {
				d, err := codec.ParseDeadLetter(headers(r), r.Value)
				if err != nil || d.Stage != "restpoll" || d.Topic != topology.PollsTopic || string(d.Key) != "a@example.com" {
					t.Errorf("%+v, %v", d, err)
				}
				reasons = append(reasons, d.Reason)
			}
			switch {
			case c.dead == "" && len(reasons) > 0:
				t.Errorf("dead letters %q", reasons)
			case c.dead != "" && (len(reasons) != 1 || !strings.Contains(reasons[0], c.dead)):
				t.Errorf("dead letters %q, want one with %q", reasons, c.dead)
			}
		})
	}
}

func headers(r *kgo.Record) map[string][]byte {
	h := make(map[string][]byte)
	for _, header := range r.Headers {
		h[header.Key] = header.Value
	}
	return h
}

// late_200_after_unwanted: the answer arrives after the customer is gone.
func TestLateAnswerAfterUnwanted(t *testing.T) {
	w := newWorld(t)
	w.store.set("a@example.com", `[]`)
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	former := w.store.handlers[endpointOrders]
	w.store.handle(endpointOrders, func(rw http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		former(rw, r)
	})
	p, stop := w.start("one", nil)
	w.documents([]byte(`{}`), "a@example.com")
	<-asked
	w.documents(nil, "a@example.com")
	w.until("unwanted", func() bool { return p.Status().Wanted == 0 && p.Status().Partitions == 4 })
	close(release)
	w.until("the result written", func() bool { return len(w.broker.Records(t, topology.PollsTopic)) == 1 })
	w.documents([]byte(`{}`), "b@example.com") // what comes behind it is done
	w.answered(p, 1)
	stop()
	if got := w.answers("a@example.com"); len(got) > 0 {
		t.Errorf("published %q", got)
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

// What the former owner had asked for, and nobody had read when it died, is
// read before anything is asked for again.
func TestResultsOfTheFormerOwnerCount(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 1)
	w.store.handle(endpointDetails, func(_ http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-r.Context().Done() })
	w.documents([]byte(`{}`), "a@example.com")
	_, stop := w.start("one", nil)
	<-asked
	stop() // abandons the request
	r := result{Kind: kindNotFound, Status: 404, Poll: firstPoll(1, 0), Time: time.Now().UnixMilli()}
	record := kgo.Record{Topic: topology.PollsTopic, Key: []byte("a@example.com"), Value: r.append(nil)}
	if err := w.writer.ProduceSync(t.Context(), &record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.store.handle(endpointDetails, status(404))
	p, stop := w.start("two", nil)
	w.answered(p, 1)
	w.until("ready", p.Ready)
	stop()
	w.published("a@example.com", gone)
	if n := w.store.requests(""); n != 1 {
		t.Errorf("%d requests, want the abandoned one", n)
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

// A record in another partition than its key's must not touch the table.
func TestMisplacedResult(t *testing.T) {
	w := newWorld(t)
	client := w.broker.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	home := topology.Partition([]byte("a@example.com"), 4)
	record := kgo.Record{Topic: topology.PollsTopic, Partition: (home + 1) % 4, Key: []byte("a@example.com"), Value: []byte("x")}
	if err := client.ProduceSync(t.Context(), &record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p, stop := w.start("one", nil)
	w.documents([]byte(`{}`), "a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com")
	w.answered(p, 5)
	w.until("a dead letter", func() bool { return len(w.broker.Records(t, topology.DeadLetterTopic)) == 1 })
	stop()
	r := w.broker.Records(t, topology.DeadLetterTopic)[0]
	if d, err := codec.ParseDeadLetter(headers(r), r.Value); err != nil || !strings.Contains(d.Reason, "partition") || string(d.Value) != "x" {
		t.Errorf("%+v, %v", d, err)
	}
}
