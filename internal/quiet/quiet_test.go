package quiet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
)

// A trailing transaction marker is no data; an open transaction, a missing
// offset and an unread record are not quiet.
func TestSweepSeesDataBehindMarkers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	broker := kafkatest.Start(t, kafkatest.WithTopics(1, "in"))
	opts := []kgo.Opt{kgo.SeedBrokers(broker.Addr)}
	s, err := New(opts, topology.Graph{Topics: []topology.Topic{{Name: "in"}}, Groups: []topology.Group{{Name: "g", Inputs: []string{"in"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cl, err := kgo.NewClient(append(opts, kgo.TransactionalID("t"), kgo.DefaultProduceTopic("in"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	look := func() Sweep {
		t.Helper()
		seen, err := s.Sweep(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	commit := func(offset int64) {
		t.Helper()
		o := kadm.Offsets{}
		o.AddOffset("in", 0, offset, -1)
		if err := kadm.NewClient(s.cl).CommitAllOffsets(ctx, "g", o); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(); !strings.Contains(got.Behind, "no offset") {
		t.Errorf("%+v", got)
	}
	commit(0)
	if got := look(); !got.Quiet(look()) {
		t.Errorf("an empty topic: %+v", got)
	}
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := look(); !strings.Contains(got.Behind, "open") {
		t.Errorf("%+v", got)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	before := look()
	if !strings.Contains(before.Behind, "is behind") {
		t.Errorf("%+v", before)
	}
	commit(1) // what is left is the marker
	if got := look(); got.Behind != "" || got.Quiet(before) {
		t.Errorf("%+v", got)
	}
	if got := look(); !got.Quiet(look()) {
		t.Errorf("%+v", got)
	}
}
