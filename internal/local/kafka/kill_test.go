package kafka

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kill ends the broker as kill -9 does: a write fails, and from there on nothing
// is written any more.
func (r running) kill(t *testing.T) {
	t.Helper()
	blocked := filepath.Join(r.cfg.Dir, "topics.json.tmp")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	client := r.client(t, kgo.RetryTimeout(100*time.Millisecond))
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "deadly") //nolint:errcheck // it cannot be answered
	client.Close()
	if err := r.end(); !errors.Is(err, errDisk) {
		t.Fatalf("killed, the broker ended with %v", err)
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
}

// transaction begins one that has a record on every partition and an offset.
func (r running) transaction(t *testing.T, value string) *kgo.Client {
	t.Helper()
	client := r.client(t, kgo.TransactionalID("tx"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RetryTimeout(time.Second), kgo.RecordDeliveryTimeout(5*time.Second))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		if err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Partition: p, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return client
}

func stageOffset(t *testing.T, client *kgo.Client, offset int64) {
	t.Helper()
	id, epoch, err := client.ProducerID(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.TransactionalID, request.Group, request.ProducerID, request.ProducerEpoch = "tx", "g", id, epoch
	details, err := kadm.NewClient(client).ListTopics(context.Background(), "t")
	if err != nil {
		t.Fatal(err)
	}
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = "t", details["t"].ID // by name or by id, as the version has it
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Offset = offset
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(context.Background(), client)
	if err != nil || response.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("staging an offset: %v", err)
	}
}

const partitions = 4

// visible counts the committed records of every partition by value. It appends a
// record of its own to each, to read up to.
func (r running) visible(t *testing.T) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := r.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for p := range int32(partitions) {
		end, _ := ends.Lookup("t", p)
		if s, _ := stable.Lookup("t", p); s.Offset != end.Offset {
			t.Errorf("partition %d is stable up to %d of %d: nobody will ever end that transaction", p, s.Offset, end.Offset)
			continue
		}
		last := &kgo.Record{Topic: "t", Partition: p, Key: []byte("the reader's")}
		if err := client.ProduceSync(ctx, last).FirstErr(); err != nil {
			t.Fatal(err)
		}
		reader := r.client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {p: kgo.NewOffset().At(0)}}))
		for next := int64(0); next <= last.Offset; {
			fetches := reader.PollFetches(ctx)
			if err := fetches.Err0(); err != nil {
				t.Fatalf("reading partition %d at %d of %d: %v", p, next, last.Offset, err)
			}
			fetches.EachRecord(func(record *kgo.Record) {
				if next = record.Offset + 1; record.Key == nil {
					seen[string(record.Value)]++
				}
			})
		}
		reader.Close()
	}
	return seen
}

func (r running) committed(t *testing.T) int64 {
	t.Helper()
	client := r.client(t)
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(context.Background(), "g")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := offsets.Lookup("t", 0); ok {
		return at.At
	}
	return -1
}

func TestACommitThatAKillInterruptsIsFinished(t *testing.T) {
	t.Parallel()
	for stuck := range partitions {
		dir := t.TempDir()
		// Every batch rolls its segment: the marker needs a file that cannot be made.
		r := run(t, dir, nil)
		r.topic(t, "t", partitions, map[string]string{"segment.bytes": "1"})
		client := r.transaction(t, "v")
		stageOffset(t, client, 7)
		marker := filepath.Join(dir, "partitions", "t-"+strconv.Itoa(stuck), "1.dat")
		if err := os.Mkdir(marker, 0o755); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		if err := client.EndTransaction(ctx, kgo.TryCommit); err == nil {
			t.Error("the commit was acknowledged")
		}
		cancel()
		client.Close()
		if err := r.end(); !errors.Is(err, errDisk) {
			t.Fatalf("the broker ended with %v", err)
		}
		if err := os.Remove(marker); err != nil {
			t.Fatal(err)
		}
		for range 2 { // once is enough, twice does no harm
			r = run(t, dir, nil)
			if seen := r.visible(t); seen["v"] != partitions {
				t.Errorf("stuck at partition %d: %v of %d records are committed", stuck, seen, partitions)
			}
			if at := r.committed(t); at != 7 {
				t.Errorf("stuck at partition %d: the group is at %d, want 7", stuck, at)
			}
			next := r.transaction(t, "next")
			if err := next.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
				t.Errorf("the producer cannot go on: %v", err)
			}
			next.Close()
			r.kill(t)
		}
	}
}

func TestAKillWithinATransactionAbortsIt(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]func(t *testing.T, dir string){
		"at once": func(*testing.T, string) {},
		"before an index entry": func(t *testing.T, dir string) {
			index := filepath.Join(dir, "partitions", "t-2", "0.idx")
			info, err := os.Stat(index)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(index, info.Size()-indexEntry); err != nil {
				t.Fatal(err)
			}
		},
		"after an end in order": func(t *testing.T, dir string) {
			// The restart keeps the transaction open; the kill comes before its end.
			r := run(t, dir, nil)
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			r = run(t, dir, nil)
			r.kill(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := run(t, dir, nil)
			r.topic(t, "t", partitions, nil)
			done := r.transaction(t, "done")
			stageOffset(t, done, 3)
			if err := done.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
			done.Close()
			open := r.transaction(t, "open")
			stageOffset(t, open, 9)
			if name == "after an end in order" {
				if err := r.end(); err != nil {
					t.Fatal(err)
				}
			} else {
				r.kill(t)
			}
			open.Close()
			later(t, dir)
			r = run(t, dir, nil)
			if seen := r.visible(t); seen["done"] != partitions || seen["open"] != 0 {
				t.Errorf("%v are committed", seen)
			}
			if at := r.committed(t); at != 3 {
				t.Errorf("the group is at %d, want 3", at)
			}
			// The same producer's next transaction is seen, and does not bring
			// the aborted one back: not now, not after another restart.
			next := r.transaction(t, "next")
			if err := next.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
			next.Close()
			for _, when := range []string{"now", "after another kill"} {
				if seen := r.visible(t); seen["done"] != partitions || seen["open"] != 0 || seen["next"] != partitions {
					t.Errorf("%s: %v are committed", when, seen)
				}
				if when == "now" {
					r.kill(t)
					r = run(t, dir, nil)
				}
			}
		})
	}
}

// What happened after a finished commit stays as it is.
func TestAFinishedCommitIsNotDoneAgain(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "t", partitions, nil)
	client := r.transaction(t, "v")
	stageOffset(t, client, 7)
	if err := client.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 5, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(context.Background(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	client.Close()
	r.kill(t)
	if at := run(t, dir, nil).committed(t); at != 5 {
		t.Errorf("the group is at %d, want 5: the last commit", at)
	}
}

func TestAFencedCommitIsNotFinished(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "t", partitions, nil)
	zombie := r.transaction(t, "zombie")
	stageOffset(t, zombie, 9)
	owner := r.client(t, kgo.TransactionalID("tx"))
	if _, _, err := owner.ProducerID(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := zombie.EndTransaction(context.Background(), kgo.TryCommit); err == nil {
		t.Fatal("a fenced producer committed")
	}
	zombie.Close()
	owner.Close()
	r.kill(t)
	r = run(t, dir, nil)
	if seen := r.visible(t); len(seen) > 0 {
		t.Errorf("%v are committed", seen)
	}
	if at := r.committed(t); at != -1 {
		t.Errorf("the group is at %d, want nowhere", at)
	}
}
