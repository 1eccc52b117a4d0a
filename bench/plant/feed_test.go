package plant

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/internal/local/kafka/kafkatest"
)

// TestFlowGivesWhatIsAskedOf: a rate that does not divide a second takes no record
// more, since a load is as long as RecordsOf says.
func TestFlowGivesWhatIsAskedOf(t *testing.T) {
	const rate, lasts = 300_000, time.Second / 2
	b := kafkatest.Start(t, kafkatest.WithTopics(1, "load"))
	p := &Plant{Kafka: []kgo.Opt{kgo.SeedBrokers(b.Addr)}}
	f, err := p.Feed("load", func(yield func(load.Message) bool) {
		for range RecordsOf(rate, lasts) {
			if !yield(load.Message{Key: []byte("k")}) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Flow(t.Context(), rate, lasts, nil); err != nil {
		t.Fatal(err)
	}
	if f.Given() != 150_000 || len(f.Stamps()) != 150_000 {
		t.Errorf("%d records given", f.Given())
	}
}
