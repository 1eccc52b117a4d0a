package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

const topic = topology.HomeDeliveryTopic

// table is a raw topic and somebody who writes it, at growing times.
type table struct {
	t          *testing.T
	broker     *kafkatest.Broker
	client     *kgo.Client
	partitions int32
	now        time.Time
	pos        int
}

func start(t *testing.T, partitions int32) *table {
	t.Helper()
	b := kafkatest.Start(t, kafkatest.WithTopics(partitions, topic))
	return &table{t: t, broker: b, client: b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner())), partitions: partitions, now: time.Now().Add(-time.Hour)}
}

func (x *table) key(id int) []byte { return fmt.Appendf(nil, `{"id":%d}`, id) }

func (x *table) record(id int, value string) *kgo.Record {
	x.now = x.now.Add(time.Second)
	r := &kgo.Record{Topic: topic, Key: x.key(id), Partition: topology.Partition(x.key(id), x.partitions), Timestamp: x.now}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// row is a record of a row: op and marker as Debezium has them, marker with its quotes.
func (x *table) row(id int, op, marker string, pos int) *kgo.Record {
	image := fmt.Sprintf(`{"id":%d,"email":"p%d@example.org"}`, id, id)
	after := image
	if op == "d" {
		after = "null"
	}
	return x.record(id, fmt.Sprintf(`{"before":null,"after":%s,"source":{"db":"inventory","table":"customers","snapshot":%s,"server_id":5,"gtid":null,"file":"b.000003","pos":%d,"row":0,"ts_ms":%d},"op":%q}`,
		after, marker, pos, x.now.UnixMilli(), op))
}

func (x *table) write(records ...*kgo.Record) {
	x.t.Helper()
	if err := x.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
}

// stream writes a change of each row.
func (x *table) stream(op string, ids ...int) {
	x.t.Helper()
	for _, id := range ids {
		x.pos += 10
		x.write(x.row(id, op, `"false"`, x.pos))
	}
}

// snapshot writes one of these rows, marked as 2.0 and later do, at a place of its own.
func (x *table) snapshot(ids ...int) {
	x.t.Helper()
	x.pos += 10
	for i, id := range ids {
		marker := `"true"`
		switch {
		case i == len(ids)-1:
			marker = `"last"`
		case i == 0:
			marker = `"first"`
		}
		x.write(x.row(id, "r", marker, x.pos))
	}
}

func (x *table) sweep(change ...func(*Config, *Deps)) (*Result, error) {
	x.t.Helper()
	d, err := debezium.New(debezium.DefaultConfig())
	if err != nil {
		x.t.Fatal(err)
	}
	cfg, deps := DefaultConfig(), Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(x.broker.Addr)}, Decoder: d}
	cfg.Topic, cfg.Temp, cfg.Samples = topic, x.t.TempDir(), 1000
	for _, f := range change {
		f(&cfg, &deps)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return Run(ctx, cfg, deps)
}

// sweeps expects exactly these rows to be withdrawn, by a committed null each.
func (x *table) sweeps(want []int, change ...func(*Config, *Deps)) {
	x.t.Helper()
	r, err := x.sweep(change...)
	if err != nil {
		x.t.Fatal(err)
	}
	var keys []string
	for _, id := range want {
		keys = append(keys, string(x.key(id)))
	}
	slices.Sort(keys)
	if r.Swept != len(want) || !slices.Equal(r.Keys, keys) {
		x.t.Errorf("swept %d: %v, want %v", r.Swept, r.Keys, keys)
	}
	last := x.last()
	for _, id := range want {
		n := last[string(x.key(id))]
		if n == nil || n.Value != nil || n.Partition != topology.Partition(n.Key, x.partitions) || len(n.Headers) != 2 ||
			n.Headers[0].Key != codec.HeaderSweepBy || n.Headers[1].Key != codec.HeaderSweepWhy || !strings.Contains(string(n.Headers[1].Value), r.Snapshot.Place) {
			x.t.Errorf("the last record of row %d is %+v", id, n)
		}
	}
}

// last are the last committed records by key.
func (x *table) last() map[string]*kgo.Record {
	x.t.Helper()
	last := map[string]*kgo.Record{}
	if err := engine.ReadToEnd(context.Background(), []kgo.Opt{kgo.SeedBrokers(x.broker.Addr)}, topic, func(r *kgo.Record) error {
		last[string(r.Key)] = r
		return nil
	}); err != nil {
		x.t.Fatal(err)
	}
	return last
}

func (x *table) refuses(want error, words string, change ...func(*Config, *Deps)) {
	x.t.Helper()
	before := len(x.broker.Records(x.t, topic))
	if r, err := x.sweep(change...); !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
		x.t.Errorf("swept %+v, %v; want %v with %q", r, err, want, words)
	}
	if after := len(x.broker.Records(x.t, topic)); after != before {
		x.t.Errorf("%d records were written", after-before)
	}
}

// TestSweep: rows that the newest snapshot lacks are withdrawn, once; those that
// came or changed after it, or are gone already, are not touched.
func TestSweep(t *testing.T) {
	for _, partitions := range []int32{1, 4, 40} { // with 40 most have no row of a snapshot
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			t.Parallel()
			x := start(t, partitions)
			x.stream("c", 1, 2, 3, 4, 5, 6, 7, 8)
			x.stream("d", 8)
			x.write(x.record(8, ""))
			x.snapshot(1, 2, 3, 4, 5, 6)
			x.sweeps([]int{7})
			x.sweeps(nil)
			x.snapshot(1, 2, 4, 5)    // 3 and 6 are gone
			x.stream("c", 6, 9)       // 6 is there again
			x.stream("u", 2)          // changes
			x.stream("d", 5)          // goes by itself
			x.sweeps([]int{3})        // 3 alone
			x.sweeps(nil)             // and once
			x.stream("c", 3)          // it comes back
			x.sweeps(nil)             // and stays
			x.snapshot(1, 2, 3, 4, 6) // 9 is gone
			x.sweeps([]int{9})
		})
	}
}

// TestSweepOfASnapshotAtTheSamePlace: the database stood still, so the place
// tells nothing; the mark of the first row does.
func TestSweepOfASnapshotAtTheSamePlace(t *testing.T) {
	t.Parallel()
	x := start(t, 4)
	x.snapshot(1, 2, 3, 7)
	x.pos -= 10
	x.snapshot(1, 2, 3)
	x.sweeps([]int{7})
	x.pos -= 10
	x.write(x.row(1, "r", `"first"`, x.pos+10)) // and another one begins
	x.refuses(ErrIncomplete, "another one has begun")
}

// TestSweepOfARefusedDelete: an old d with its null, delivered again, left the row
// where it is; so it is withdrawn, although the last record is a null.
func TestSweepOfARefusedDelete(t *testing.T) {
	t.Parallel()
	x := start(t, 4)
	x.stream("c", 1, 7)
	x.write(x.row(7, "d", `"false"`, 5), x.record(7, ""))
	x.snapshot(1)
	x.sweeps([]int{7})
	x.sweeps(nil)
}

// TestSweepAndARowThatReturns: a record that comes between reading and the null
// keeps the null from being committed, in whatever transaction it is itself;
// nothing is ever withdrawn that is there, and the others are.
func TestSweepAndARowThatReturns(t *testing.T) {
	t.Parallel()
	x := start(t, 2)
	x.stream("c", 1, 2, 7, 8, 9)
	x.snapshot(1, 2)
	open := x.broker.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("connect"))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := open.ProducerID(context.Background()); err != nil {
		t.Fatal(err)
	}
	round := 0
	x.sweeps([]int{8}, func(_ *Config, d *Deps) {
		d.beforeWrite = func() {
			switch round {
			case 0: // Debezium inserts, not committed yet
				if err := open.ProduceSync(context.Background(), x.row(7, "c", `"false"`, 900)).FirstErr(); err != nil {
					t.Error(err)
				}
			case 1:
				if err := open.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
					t.Error(err)
				}
				x.write(x.row(9, "c", `"false"`, 901))
			}
			round++
		}
	})
	if round != 3 {
		t.Errorf("%d rounds", round)
	}
	for _, id := range []int{7, 9} {
		if r := x.last()[string(x.key(id))]; r == nil || r.Value == nil {
			t.Errorf("row %d was withdrawn: %+v", id, r)
		}
	}
}
