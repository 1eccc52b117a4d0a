package txn

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
)

// hung is a broker with a transaction that is open in t/0 and t/1, and whose
// coordinator says what the test tells it to.
type hung struct {
	*kafkatest.Broker
	admin    *kadm.Client
	producer int64
	epoch    int16
	log      bytes.Buffer
	written  int64  // when, Unix milliseconds
	marked   *int16 // epoch of the marker in t/1
	watch    *Watch
}

func hang(t *testing.T, state string, epochsOn int16) *hung {
	t.Helper()
	b := &hung{Broker: kafkatest.Start(t, kafkatest.WithTopics(3, "t"), kafkatest.WithTopics(1, "raw"))}
	cl := b.Client(t, kgo.TransactionalID("id"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*kgo.Record{{Topic: "t", Partition: 0}, {Topic: "t", Partition: 1}, {Topic: "raw"}} {
		r.Value, b.written = []byte("v"), time.Now().UnixMilli()
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.producer, b.epoch, err = cl.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Cluster.ControlKey(int16(kmsg.ListTransactions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.ListTransactionsResponse)
		if state != "" {
			resp.TransactionStates = []kmsg.ListTransactionsResponseTransactionState{{TransactionalID: "id", ProducerID: b.producer, TransactionState: state}}
		}
		return resp, nil, true
	})
	b.Cluster.ControlKey(int16(kmsg.DescribeTransactions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		resp.TransactionStates = []kmsg.DescribeTransactionsResponseTransactionState{{TransactionalID: "id", State: state,
			ProducerID: b.producer, ProducerEpoch: b.epoch + epochsOn}}
		return resp, nil, true
	})
	b.Cluster.ControlKey(int16(kmsg.DescribeProducers), b.describe)
	admin := b.Client(t)
	b.admin = kadm.NewClient(admin)
	b.watch = NewWatch(WatchConfig{Topics: []string{"t"}, Foreign: []string{"raw"}}, admin, slog.New(slog.NewTextHandler(&b.log, nil)), nil)
	return b
}

// describe answers as a broker does; kfake tells the producer's state, not the
// partition's.
func (b *hung) describe(kreq kmsg.Request) (kmsg.Response, error, bool) {
	b.Cluster.KeepControl()
	req := kreq.(*kmsg.DescribeProducersRequest)
	resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
	for _, topic := range req.Topics {
		rt := kmsg.DescribeProducersResponseTopic{Topic: topic.Topic}
		for _, p := range topic.Partitions {
			d := kmsg.DescribeProducersResponseTopicPartitionActiveProducer{ProducerID: b.producer, ProducerEpoch: int32(b.epoch),
				LastTimestamp: b.written, CurrentTxnStartOffset: 0}
			if topic.Topic == "t" && p == 1 && b.marked != nil {
				d.ProducerEpoch, d.CurrentTxnStartOffset = int32(*b.marked), -1
			}
			rp := kmsg.DescribeProducersResponseTopicPartition{Partition: p}
			if topic.Topic == "raw" || topic.Topic == "t" && p < 2 {
				rp.ActiveProducers = append(rp.ActiveProducers, d)
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil, true
}

// mark ends the transaction in t/1 as the coordinator did before it died.
func (b *hung) mark(t *testing.T, commit bool, epoch int16) {
	t.Helper()
	at := kadm.TopicsSet{}
	at.Add("t", 1)
	if _, err := b.admin.WriteTxnMarkers(t.Context(), kadm.TxnMarkers{ProducerID: b.producer, ProducerEpoch: epoch, Commit: commit, Topics: at}); err != nil {
		t.Fatal(err)
	}
	b.marked = &epoch
}

// committed are the partitions of t whose record a read_committed reader sees;
// stuck tells whether a partition's stable offset is behind its end.
func (b *hung) committed(t *testing.T) (partitions []int32, stuck bool) {
	t.Helper()
	stable, err := b.admin.ListCommittedOffsets(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	ends, err := b.admin.ListEndOffsets(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		at, _ := stable.Lookup(o.Topic, o.Partition)
		stuck = stuck || at.Offset < o.Offset
	})
	for _, r := range b.Records(t, "t") {
		partitions = append(partitions, r.Partition)
	}
	slices.Sort(partitions)
	return partitions, stuck
}

func TestWatchEndsWhatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		state    string
		epochsOn int16
		marker   string // in t/1: commit, abort, or none
		markerOn int16  // its epoch is so much higher
		want     []int32
	}{
		"committed elsewhere":                              {"Empty", 2, "commit", 1, []int32{0, 1}},
		"aborted elsewhere, though the coordinator forgot": {"Empty", 2, "abort", 1, nil},
		"a marker's word counts more than the memory":      {"CompleteCommit", 1, "abort", 1, nil},
		"committed, as the coordinator remembers":          {"CompleteCommit", 1, "", 0, []int32{0, 1}},
		"aborted, as the coordinator remembers":            {"CompleteAbort", 1, "", 0, nil},
		"committed another one since":                      {"CompleteCommit", 3, "", 0, nil},
		"a later one is under way":                         {"Ongoing", 2, "commit", 1, []int32{0, 1}},
		"the coordinator forgot the id":                    {"", 0, "commit", 1, []int32{0, 1}},
		"ends that leave the epoch":                        {"Empty", 0, "commit", 0, []int32{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := hang(t, c.state, c.epochsOn)
			if c.marker != "" {
				b.mark(t, c.marker == "commit", b.epoch+c.markerOn)
			}
			if _, stuck := b.committed(t); !stuck {
				t.Fatal("nothing hangs: the test is of no use")
			}
			for range 2 { // the first look cannot tell old from new
				if err := b.watch.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got, stuck := b.committed(t)
			if stuck || !slices.Equal(got, c.want) {
				t.Errorf("records in partitions %v, stuck %t, want %v; log:\n%s", got, stuck, c.want, b.log.String())
			}
			if !strings.Contains(b.log.String(), "--topic raw --partition 0 --start-offset 0") {
				t.Errorf("a foreign topic's is not reported: %s", b.log.String())
			}
			if testutil.CollectAndCount(b.watch.ended) == 0 {
				t.Error("not counted")
			}
		})
	}
}

func TestWatchLeavesWhatIsUnderWay(t *testing.T) {
	for _, state := range []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"} {
		b := hang(t, state, 0)
		for range 3 {
			if err := b.watch.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, stuck := b.committed(t); !stuck || b.log.Len() > 0 {
			t.Errorf("%s: was ended; log: %s", state, b.log.String())
		}
	}
}

// Without the right to write markers: said once, with the command that helps.
func TestWatchWithoutRights(t *testing.T) {
	b := hang(t, "Empty", 2)
	b.Cluster.ControlKey(int16(kmsg.WriteTxnMarkers), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
		for _, m := range req.(*kmsg.WriteTxnMarkersRequest).Markers {
			rm := kmsg.WriteTxnMarkersResponseMarker{ProducerID: m.ProducerID}
			for _, topic := range m.Topics {
				rt := kmsg.WriteTxnMarkersResponseMarkerTopic{Topic: topic.Topic}
				for _, p := range topic.Partitions {
					rt.Partitions = append(rt.Partitions, kmsg.WriteTxnMarkersResponseMarkerTopicPartition{Partition: p, ErrorCode: kerr.ClusterAuthorizationFailed.Code})
				}
				rm.Topics = append(rm.Topics, rt)
			}
			resp.Markers = append(resp.Markers, rm)
		}
		return resp, nil, true
	})
	for range 4 {
		if err := b.watch.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"0", "1"} {
		if n := strings.Count(b.log.String(), "--topic t --partition "+p+" --start-offset 0"); n != 1 {
			t.Errorf("partition %s: told %d times: %s", p, n, b.log.String())
		}
	}
}

// Hanging tells and ends nothing.
func TestHangingIsReadOnly(t *testing.T) {
	b := hang(t, "CompleteCommit", 0)
	list, err := b.watch.Hanging(t.Context())
	if err != nil || len(list) != 3 || !strings.HasPrefix(list[0], "raw/0, producer") || !strings.HasPrefix(list[2], "t/1, producer") {
		t.Errorf("%v, %v", list, err)
	}
	again, err := b.watch.Hanging(t.Context())
	if err != nil || !slices.Equal(again, list) {
		t.Errorf("%v, %v", again, err)
	}
	if list, err := hang(t, "Ongoing", 0).watch.Hanging(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("under way: %v, %v", list, err)
	}
}
