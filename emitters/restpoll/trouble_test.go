package restpoll

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
)

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
