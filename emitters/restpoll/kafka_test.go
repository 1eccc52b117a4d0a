package restpoll

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/codec/onlinestore"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

// world is Kafka and a store for whole pollers.
type world struct {
	t        testing.TB
	broker   *kafkatest.Broker
	store    *customers
	settings topology.Settings
	writer   *kgo.Client
	created  map[string]bool
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, broker: kafkatest.Start(t), store: newCustomers(t), settings: topology.DefaultSettings(), created: make(map[string]bool)}
	w.settings.Partitions = 4
	w.topics()
	w.writer = w.broker.Client(t)
	return w
}

// topics creates what the settings' generation needs and commits where the
// group starts, as the creation of a generation does.
func (w *world) topics() {
	w.t.Helper()
	graph, err := topology.New(w.settings)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, group := range graph.Groups {
		if group.Name != topology.RestpollGroup {
			continue
		}
		for _, name := range append(append(group.Outputs, group.TableTopic(), topology.ProductsTopic), group.Inputs...) {
			if topic, _ := graph.Topic(name); !w.created[name] {
				w.broker.CreateTopic(w.t, name, topic.Partitions, topic.Config)
				w.created[name] = true
			}
		}
		first, err := engine.StartOffsets(w.t.Context(), w.kafka(), group.Inputs...)
		if err == nil {
			err = engine.CommitFirstOffsets(w.t.Context(), w.kafka(), group.Name, first)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) kafka() []kgo.Opt { return []kgo.Opt{kgo.SeedBrokers(w.broker.Addr)} }

// start runs an instance; stop ends it.
func (w *world) start(instance string, change func(*Config, *Deps)) (p *Poller, stop func()) {
	w.t.Helper()
	cfg := DefaultConfig()
	cfg.BaseURL, cfg.RequestsPerSecond, cfg.Timeout = w.store.URL, 100_000, 5*time.Second
	cfg.RetryBackoff = 50 * time.Millisecond
	base := engine.DefaultConfig()
	base.Client, base.Instance, base.Dir, base.NewHash = w.kafka(), instance, w.t.TempDir(), topology.NewHasher
	base.CommitInterval, base.SessionTimeout = 20*time.Millisecond, 6*time.Second
	decoder, err := onlinestore.New(onlinestore.Config{Pass: codec.PassKeep})
	if err != nil {
		w.t.Fatal(err)
	}
	deps := Deps{Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Kafka: w.kafka(), Engine: base, Settings: w.settings, Decoder: decoder}
	if testing.Verbose() {
		deps.Log = slog.New(slog.NewTextHandler(w.t.Output(), nil)).With("instance", instance)
	}
	if change != nil {
		change(&cfg, &deps)
	}
	p, err = New(cfg, deps)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				w.t.Errorf("%s ended with %v", instance, err)
			}
		case <-time.After(20 * time.Second):
			w.t.Errorf("%s does not end", instance)
		}
	})
	w.t.Cleanup(stop)
	return p, stop
}

// documents writes customers' documents; a nil value removes them.
func (w *world) documents(value []byte, keys ...string) {
	w.t.Helper()
	records := make([]*kgo.Record, len(keys))
	for i, key := range keys {
		records[i] = &kgo.Record{Topic: w.settings.Documents(), Key: []byte(key), Value: value,
			Headers: []kgo.RecordHeader{{Key: codec.HeaderGeneration, Value: fmt.Append(nil, w.settings.Generation)}}}
	}
	if err := w.writer.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for something to become so.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) answered(p *Poller, wanted int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d emails answered", wanted), func() bool { s := p.Status(); return s.Answered == wanted && s.Waiting == 0 })
}

// answers are what was published for an email, "null" for a tombstone.
func (w *world) answers(email string) []string {
	w.t.Helper()
	var values []string
	for _, r := range w.broker.Records(w.t, topology.AnswersTopic) {
		if string(r.Key) == email && r.Value == nil {
			values = append(values, "null")
		} else if string(r.Key) == email {
			values = append(values, string(r.Value))
		}
	}
	return values
}

// published waits until exactly these answers are there.
func (w *world) published(email string, want ...string) {
	w.t.Helper()
	var got []string
	w.until(fmt.Sprintf("%q published", want), func() bool {
		got = w.answers(email)
		if len(got) > len(want) {
			w.t.Fatalf("published %q, want %q", got, want)
		}
		return strings.Join(got, "\n") == strings.Join(want, "\n")
	})
}

// customers is the store's own view: who has which orders.
type customers struct {
	*shop
	orders map[string]string // by email; absent: 404
}

func newCustomers(t testing.TB) *customers {
	c := &customers{shop: newShop(t), orders: make(map[string]string)}
	c.handlers[endpointDetails] = func(w http.ResponseWriter, r *http.Request) {
		email := r.URL.Query().Get("customerEmail")
		c.mu.Lock()
		_, ok := c.orders[email]
		c.mu.Unlock()
		if !ok {
			http.Error(w, "Customer not found.", http.StatusNotFound)
			return
		}
		body(customer(email))(w, r)
	}
	c.handlers[endpointOrders] = func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		orders := c.orders[r.URL.Query().Get("customerId")]
		c.mu.Unlock()
		body(orders)(w, r)
	}
	c.handlers[endpointProduct] = func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("productId"); id == "100" {
			body(`{"ProductId": 100,"Name":"Tennis Shoes"}`)(w, r)
			return
		}
		http.Error(w, `{"error":"Sequence contains no elements."}`, http.StatusInternalServerError)
	}
	return c
}

// customer are the details; the id is the email, to find the orders by.
func customer(email string) string {
	id, _ := json.Marshal(email)
	return `{"Id":` + string(id) + `,"Name":"N","Email":` + string(id) + `,"Password":"p"}`
}

func (c *customers) set(email, orders string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if orders == "" {
		delete(c.orders, email)
		return
	}
	c.orders[email] = orders
}

func (c *customers) handle(endpoint string, h http.HandlerFunc) (former http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	former, c.handlers[endpoint] = c.handlers[endpoint], h
	return former
}

// requests counts those whose URL ends so.
func (c *customers) requests(contains string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, asked := range c.asked {
		if strings.Contains(asked, contains) {
			n++
		}
	}
	return n
}

func ok200(email, orders string) string {
	return string(onlinestore.Answer{Status: 200, Customer: []byte(customer(email)), Orders: []byte(orders)}.Append(nil))
}
