package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// With Kafka's maximum, 2147483647 minutes, the first check drops everything.
func TestCommittedOffsetsDoNotExpire(t *testing.T) {
	settings := Settings()
	settings["offsets.retention.check.interval.ms"] = "10"
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(settings), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 7, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "g", offsets); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	committed, err := kadm.NewClient(client).FetchOffsets(ctx, "g")
	if at, ok := committed.Lookup("t", 0); err != nil || !ok || at.At != 7 {
		t.Errorf("after a few checks the offset is %d, %v, %v", at.At, ok, err)
	}
}

func TestTheLargestMessageIsTaken(t *testing.T) {
	r := run(t, t.TempDir(), nil)
	r.topic(t, "t", 1, nil)
	client := r.client(t, kgo.ProducerBatchMaxBytes(MaxMessageBytes), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for _, c := range []struct {
		bytes int
		fits  bool
	}{{16<<20 + 1000, true}, {MaxMessageBytes - 200, true}} {
		err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: make([]byte, c.bytes)}).FirstErr()
		if (err == nil) != c.fits {
			t.Errorf("a record of %d bytes: %v", c.bytes, err)
		}
	}
	reader := r.client(t, kgo.ConsumeTopics("t"), kgo.FetchMaxPartitionBytes(MaxMessageBytes+1024))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for n := 0; n < 2; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		n += fetches.NumRecords()
	}
}
