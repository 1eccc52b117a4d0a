package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
)

// systems are a Kafka with SASL, a Couchbase and an Online Store with secrets.
type systems struct {
	t      *testing.T
	dir    string
	broker *kafkatest.Broker
	node   *couchbase.Node
	store  *badStore
	kafka  *kgo.Client
}

func startSystems(t *testing.T) *systems {
	t.Helper()
	s := &systems{t: t, dir: t.TempDir(), store: startBadStore(t)}
	s.broker = kafkatest.Start(t, kafkatest.WithKfake(kfake.EnableSASL(), kfake.Superuser("PLAIN", "customer360", secret("sasl"))))
	s.node = couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Password = secret("couchbase")
		c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	})
	s.kafka = s.broker.Client(t, kgo.SASL(plain.Auth{User: "customer360", Pass: secret("sasl")}.AsMechanism()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := kadm.NewClient(s.kafka).CreateTopic(ctx, 3, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, topology.HomeDeliveryTopic); err != nil {
		t.Fatal(err)
	}
	return s
}

// config writes a configuration; changes replace lines of it by their first words.
func (s *systems) config(name string, changes ...string) string {
	s.t.Helper()
	text := strings.NewReplacer("DIR", s.dir, "BROKER", s.broker.Addr, "NODE", s.node.ConnectionString(), "STORE", s.store.url,
		"SASLPASSWORD", secret("sasl"), "CBPASSWORD", secret("couchbase"), "BEARER", secret("bearer"), "COOKIE", secret("cookie")).Replace(`
state_dir: DIR/state
kafka:
  brokers: [BROKER]
  partitions: 3
  replication_factor: 1
  sasl: {mechanism: PLAIN, username: customer360, password: SASLPASSWORD}
couchbase:
  connection_string: NODE
  username: Administrator
  password: CBPASSWORD
loyalty: {folder: DIR/loyalty, stable: 100ms, poll: 200ms}
online_store:
  url: STORE
  headers: {Authorization: Bearer BEARER, Cookie: session=COOKIE}
  interval: 1s
  not_found_interval: 1s
http: {listen: "127.0.0.1:0", pprof: true}
log: {level: debug}
`)
	for i := 0; i < len(changes); i += 2 {
		line := regexp.MustCompile(`(?m)^( *)` + regexp.QuoteMeta(changes[i]) + `.*$`)
		if !line.MatchString(text) {
			s.t.Fatalf("no line %q in the configuration", changes[i])
		}
		text = line.ReplaceAllLiteralString(text, strings.Repeat(" ", len(line.FindStringSubmatch(text)[1]))+changes[i+1])
	}
	path := filepath.Join(s.dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// badStore answers in every way that may carry a secret along.
type badStore struct {
	url  string
	mu   sync.Mutex
	seen map[string]bool // emails asked for, and headers that came
}

func (b *badStore) saw(what string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[what]
}

func startBadStore(t *testing.T) *badStore {
	t.Helper()
	b := &badStore{seen: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/getCustomerDetailsByEmail", func(w http.ResponseWriter, r *http.Request) {
		email := r.URL.Query().Get("customerEmail")
		b.mu.Lock()
		b.seen[email], b.seen[r.Header.Get("Authorization")] = true, true
		b.mu.Unlock()
		w.Header().Set("Set-Cookie", "session="+secret("set-cookie"))
		name, _, _ := strings.Cut(email, "@")
		switch name {
		case "good":
			fmt.Fprintf(w, `{"Id":1,"Name":"Good","Email":%q,"Password":%q}`, email, secret("store"))
		case "broken":
			fmt.Fprintf(w, `{"Id":2,"Name":"Broken","Password":%q`, secret("store-broken"))
		case "typed":
			fmt.Fprintf(w, `{"Id":{"Password":%q},"Name":[],"Email":5,"Password":%q}`, secret("store-id"), secret("store-typed"))
		case "page":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<form><input value="%s" name="password"><password>%s</password>`, secret("page-value"), secret("page"))
		case "error":
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `connect to mysql://root:%s@db failed`, secret("store-500"))
		case "refused":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `token=%s is not valid`, secret("store-403"))
		case "elsewhere":
			http.Redirect(w, r, "http://user:"+secret("location")+"@other.example/?token="+secret("location-token"), http.StatusFound)
		case "hangup":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprintf(w, `{"Password":%q`, secret("store-cut"))
		}
	})
	mux.HandleFunc("/api/getOrdersByCustomerId", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[{"OrderId":1,"PurchaseDate":"2019-04-25T15:15:5800838522","CustomerId":1,"Items":[],"token":%q}]`, secret("order"))
	})
	server := &http.Server{Handler: mux}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	b.url = "http://" + l.Addr().String() + "/api"
	return b
}

// row is a change of Home Delivery's table; its password is a secret.
func row(id int, email, password string) string {
	return fmt.Sprintf(`{"before":null,"after":{"id":%d,"name":"N","email":%s,"password":%s},"source":{"connector":"mysql","name":"dbserver1",`+
		`"snapshot":"false","db":"inventory","table":"customers","server_id":223344,"file":"mysql-bin.000003","pos":%d,"row":0},"op":"c","ts_ms":1795423842294}`,
		id, email, password, id)
}

func (s *systems) produce() {
	s.t.Helper()
	key := func(id int) string { return fmt.Sprintf(`{"id":%d}`, id) }
	records := []struct{ key, value string }{}
	for i, name := range []string{"good", "broken", "typed", "page", "error", "refused", "elsewhere", "hangup"} {
		records = append(records, struct{ key, value string }{key(7001 + i), row(7001+i, fmt.Sprintf("%q", name+"@example.com"), fmt.Sprintf("%q", secret("row")))})
	}
	whole := row(7101, `"cut@example.com"`, fmt.Sprintf("%q", secret("row-cut")))
	records = append(records, []struct{ key, value string }{
		{key(7101), whole[:strings.Index(whole, "row-cut")+4]},
		{key(7102), row(7102, `null`, fmt.Sprintf("%q", secret("row-no-email")))},
		{key(7103), row(7103, `"no at sign"`, fmt.Sprintf("%q", secret("row-bad-email")))},
		{key(7104), row(7104, `"object@example.com"`, fmt.Sprintf(`{"password":%q}`, secret("row-object")))},
		{key(7105), row(7105, `{"x":1}`, fmt.Sprintf(`[%q]`, secret("row-list")))},
		{key(7106), fmt.Sprintf(`{"op":"c","after":{"password":%q},"before":{"password":%q}}`, secret("after"), secret("before"))},
		{key(7107), fmt.Sprintf(`password=%s;`, secret("text"))},
		{key(7108), "\x00\x00\x00\x00\x07" + secret("avro")},
		{fmt.Sprintf(`{"id":7109,"password":%q}`, secret("key")), row(7109, `"key@example.com"`, `"x"`)},
		{key(7110), row(7110, `"misplaced@example.com"`, fmt.Sprintf("%q", secret("row-misplaced")))},
	}...)
	for i, r := range records {
		record := &kgo.Record{Topic: topology.HomeDeliveryTopic, Key: []byte(r.key), Value: []byte(r.value), Partition: topology.Partition([]byte(r.key), 3),
			Headers: []kgo.RecordHeader{{Key: "authorization", Value: []byte(secret("header"))}, {Key: "trace", Value: []byte("password=" + secret("header-value"))}}}
		if i == len(records)-1 { // misplaced
			record.Partition = (record.Partition + 1) % 3
		}
		if err := s.kafka.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// file puts a CSV file into the folder, whole at once.
func (s *systems) file(name, text string) {
	s.t.Helper()
	folder := filepath.Join(s.dir, "loyalty")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	temp := filepath.Join(folder, name+".part")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(folder, name)); err != nil {
		s.t.Fatal(err)
	}
}

const csvHeader = "Id,Password,FirstName,LastName,Email,Points\n"

func (s *systems) members() string {
	return csvHeader + "27," + secret("csv") + ",Ann,Lee,good@example.com,47\n" +
		"28," + secret("csv-short") + "\n" +
		"29," + secret("csv-long") + ",A,B,c@example.com,1,2,3,4\n" +
		secret("csv-id") + "," + secret("csv-x") + ",A,B,d@example.com,1\n" +
		"30," + secret("csv-mail") + ",A,B,nobody,1\n" +
		`31,"` + secret("csv-quote") + `"x,A,B,e@example.com,1` + "\n" +
		"32," + secret("csv-open") + `,"A,B,e@example.com,1` + "\n"
}
