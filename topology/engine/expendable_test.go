package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// TestExpendableInputs: what ends any other group, an input whose records can be
// had again passes over, and it reads all that there is.
func TestExpendableInputs(t *testing.T) {
	t.Parallel()
	const before, later, keys = 200, 100, 50
	for name, spoil := range map[string]func(*testing.T, *kafkatest.Broker, *kadm.Client){
		"retention went past the offsets": func(t *testing.T, b *kafkatest.Broker, _ *kadm.Client) {
			generate(t, b.Addr, before, before, keys, 0)
			for p, end := range endsOf(t, b) {
				if err := b.Cluster.DeleteRecords(jobIn, p, end); err != nil {
					t.Fatal(err)
				}
			}
		},
		"the offsets expired": func(t *testing.T, _ *kafkatest.Broker, adm *kadm.Client) {
			if _, err := adm.DeleteOffsets(context.Background(), jobGroup, kadm.TopicsSet{jobIn: {0: {}, 1: {}, 2: {}, 3: {}}}); err != nil {
				t.Fatal(err)
			}
		},
		"the topic was created anew": func(t *testing.T, _ *kafkatest.Broker, adm *kadm.Client) { recreate(t, adm) },
		"the offsets are of a former topic": func(t *testing.T, _ *kafkatest.Broker, adm *kadm.Client) {
			former := kadm.Offsets{}
			for p := range int32(jobParts) {
				former.Add(kadm.Offset{Topic: jobIn, Partition: p, At: 1, LeaderEpoch: -1, Metadata: "topic=" + kadm.TopicID{1}.String()})
			}
			if err := adm.CommitAllOffsets(context.Background(), jobGroup, former); err != nil {
				t.Fatal(err)
			}
		},
		"anew, and longer than before": func(t *testing.T, b *kafkatest.Broker, adm *kadm.Client) {
			recreate(t, adm)
			generate(t, b.Addr, 0, 2*before, keys, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dir := startBroker(t), t.TempDir()
			adm := kadm.NewClient(b.Client(t))
			generate(t, b.Addr, 0, before, keys, 0)
			r := startJob(t, b, dir, "a")
			awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			spoil(t, b, adm)
			runToEnd(t, jobConfig(b.Addr, dir, "a"), jobGraph(nil)) // any other input
			generate(t, b.Addr, 0, later, keys, 0)
			read := make(chan struct{}, 10*before)
			cfg := jobConfig(b.Addr, dir, "a")
			cfg.Expendable = []string{jobIn}
			r = start(t, cfg, jobGraph(func(goka.Context) { read <- struct{}{} }), engine.Hooks{})
			awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			var there int64
			starts, err := adm.ListStartOffsets(context.Background(), jobIn)
			if err != nil {
				t.Fatal(err)
			}
			for p, end := range endsOf(t, b) {
				o, _ := starts.Lookup(jobIn, p)
				there += end - o.Offset
			}
			if int64(len(read)) != there {
				t.Errorf("%d records read, the log has %d", len(read), there)
			}
		})
	}
}

func endsOf(t *testing.T, b *kafkatest.Broker) map[int32]int64 {
	t.Helper()
	ends, err := kadm.NewClient(b.Client(t)).ListEndOffsets(context.Background(), jobIn)
	if err != nil {
		t.Fatal(err)
	}
	at := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) { at[o.Partition] = o.Offset })
	return at
}

func recreate(t *testing.T, adm *kadm.Client) {
	t.Helper()
	ctx := context.Background()
	if _, err := adm.DeleteTopic(ctx, jobIn); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(ctx, jobParts, 1, nil, jobIn); err != nil {
		t.Fatal(err)
	}
}
