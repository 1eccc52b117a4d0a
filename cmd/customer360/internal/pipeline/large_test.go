package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec/onlinestore"
	"customer360/topology"
)

// Answers of 16 MiB, with one order that is nearly all of it and with many
// small ones, become documents in Couchbase, beside small ones; nothing of
// them is a dead letter.
func TestAnswersOf16MiB(t *testing.T) {
	t.Parallel()
	c := start(t)
	producer := c.broker.Client(t, kgo.ProducerBatchMaxBytes(topology.MaxMessageBytes), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	r := c.run("a")
	const most = 16 << 20
	want := map[string]int{}
	answer := func(email string, orders []string) {
		t.Helper()
		value := onlinestore.Answer{Status: 200,
			Customer: fmt.Appendf(nil, `{"id":1,"name":"A","password":"p","email":%q}`, email),
			Orders:   []byte("[" + strings.Join(orders, ",") + "]")}.Append(nil)
		if len(value) > most {
			t.Fatalf("an answer of %d bytes", len(value))
		}
		record := &kgo.Record{Topic: topology.AnswersTopic, Key: []byte(email), Value: value, Partition: c.place([]byte(email))}
		if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	order := func(id, bytes int) string {
		body := fmt.Sprintf(`{"OrderId":%d,"Note":"%s"}`, id, strings.Repeat("x", bytes))
		want[fmt.Sprintf("order::%d", id)] = len(body)
		return body
	}
	answer("one@example.com", []string{order(1, most-400)})
	var many []string
	for i := range 400 {
		many = append(many, order(100+i, 41_000))
	}
	answer("many@example.com", many)
	for i := range 20 {
		answer(fmt.Sprintf("small%d@example.com", i), []string{order(5000+i, 10)})
	}
	c.settle(func() string {
		got := c.documents(c.config.Couchbase.Documents.Bucket)
		for key, bytes := range want {
			if len(got[key]) != bytes {
				return fmt.Sprintf("%s has %d bytes, want %d", key, len(got[key]), bytes)
			}
		}
		return ""
	})
	c.noLetters()
	r.stop()
}
