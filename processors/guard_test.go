package processors

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"customer360/codec"
	"customer360/topology"
)

// place publishes n records by a partitioner of its own and reads them.
func place(w *world, n int, partition func(i int, key string) int32) {
	for i := range n {
		key := fmt.Sprintf("key%d", i)
		w.publish(fakeSource.Topic, key, []byte("1 a@x=A"), nil, partition(i, key))
	}
	w.settle(first)
}

func TestForeignPartitionerStops(t *testing.T) {
	const partitions = 12
	right := func(key string) int32 { return topology.Partition([]byte(key), partitions) }
	for name, c := range map[string]struct {
		partition func(i int, key string) int32
		stops     bool
		names     string
	}{
		"murmur2":             {func(_ int, key string) int32 { return right(key) }, false, ""},
		"all misplaced":       {func(_ int, key string) int32 { return (right(key) + 1) % partitions }, true, "none that looks at the key"},
		"sarama":              {func(_ int, key string) int32 { return fnvPartition([]byte(key), partitions) }, true, "sarama"},
		"librdkafka":          {func(_ int, key string) int32 { return int32(crc32.ChecksumIEEE([]byte(key)) % partitions) }, true, "librdkafka"},
		"round robin":         {func(i int, _ string) int32 { return int32(i % partitions) }, true, "round robin"},
		"the fifth misplaced": {func(i int, key string) int32 { return (right(key) + int32(i%5/4)) % partitions }, false, ""},
	} {
		w := newWorld(partitions, 0, Guard{}, fakeSource)
		place(w, 200, c.partition)
		if stopped := errors.Is(w.stopped, errPartitioner); stopped != c.stops || stopped != errors.Is(w.stopped, errFatal) {
			t.Errorf("%s: %v", name, w.stopped)
		}
		if !c.stops {
			continue
		}
		if text := w.stopped.Error(); !strings.Contains(text, c.names) || !strings.Contains(text, "murmur2") || !strings.Contains(text, fakeSource.Topic) {
			t.Errorf("%s: %s", name, text)
		}
		read := 0
		for _, n := range w.read[fakeSource.Topic] {
			read += n
		}
		if read != sampleSize-1 {
			t.Errorf("%s: stopped behind %d records", name, read)
		}
	}
}

func TestMisplacedAfterTheSampleAreLetters(t *testing.T) {
	w := newWorld(12, 0, Guard{}, fakeSource)
	place(w, sampleSize, func(_ int, key string) int32 { return topology.Partition([]byte(key), 12) })
	place(w, 300, func(_ int, key string) int32 { return (topology.Partition([]byte(key), 12) + 1) % 12 })
	if letters := w.letters(t); w.stopped != nil || len(letters) != 300 || !strings.Contains(letters[0].Reason, "of 12") {
		t.Error(w.stopped, len(letters))
	}
}

func TestRawPartitionsAreTheTopicsOwn(t *testing.T) {
	s := topology.DefaultSettings()
	s.RawPartitions = map[string]int32{fakeSource.Topic: 5}
	if k := newRekeyer(RekeyConfig{Source: fakeSource, Settings: s}, NewMetrics(nil)); k.placement.partitions != 5 {
		t.Error(k.placement.partitions)
	}
}

func TestNullKeysAreIgnored(t *testing.T) {
	w := newWorld(12, 0, Guard{}, fakeSource)
	for i := range 150 { // no key has no place: they do not count for the sample
		w.publish(fakeSource.Topic, "", []byte("1 a@x=A"), nil, int32(i%12))
	}
	w.settle(first)
	if w.stopped != nil || len(w.journal) != 0 {
		t.Error(w.stopped, w.journal)
	}
	if got := w.dumpIgnored(t); len(got) != 1 || got[0] != "loyalty null key 150" {
		t.Error(got)
	}
}

func firstByte(key []byte) string { return string(key[:1]) }

func TestKeyFormIsPinned(t *testing.T) {
	ctx := context.Background()
	pin := &memoryPin{forms: map[string]string{}}
	f := &forms{guard: Guard{Form: firstByte, Pin: pin}, topic: "t"}
	for range 3 {
		if err := f.check(ctx, []byte("a")); err != nil {
			t.Fatal(err)
		}
	}
	if pin.asked != 1 || pin.forms["t"] != "a" {
		t.Errorf("%+v", pin)
	}
	if err := f.check(ctx, []byte("b")); !errors.Is(err, errKeyForm) {
		t.Error(err)
	}
	// Another process knows it from the pin, whatever it sees first.
	again := &forms{guard: Guard{Form: firstByte, Pin: pin}, topic: "t"}
	if err := again.check(ctx, []byte("b")); !errors.Is(err, errKeyForm) {
		t.Error("another process:", err)
	}
	if err := again.check(ctx, []byte("a")); err != nil || pin.asked != 2 {
		t.Error(err, pin.asked)
	}
}

// racingPin is set by another instance between the question and the answer.
type racingPin struct{ memoryPin }

func (p *racingPin) KeyForm(ctx context.Context, topic string) (string, error) { return "", nil }

func TestKeyFormTheFirstWriterWins(t *testing.T) {
	f := &forms{guard: Guard{Form: firstByte, Pin: &racingPin{memoryPin{forms: map[string]string{"t": "b"}}}}, topic: "t"}
	if err := f.check(context.Background(), []byte("a")); !errors.Is(err, errKeyForm) {
		t.Error(err)
	}
	if err := f.check(context.Background(), []byte("b")); err != nil {
		t.Error(err)
	}
}

// TestPinAway: an error of the pin is not for good, and nothing is remembered.
func TestPinAway(t *testing.T) {
	pin := &memoryPin{forms: map[string]string{}, err: errors.New("broker away")}
	source := fakeSource
	source.Name, source.Topic = codec.HomeDelivery, topology.HomeDeliveryTopic
	w := newWorld(1, 0, Guard{Form: firstByte, Pin: pin}, source)
	w.publish(source.Topic, "a", []byte("1 a@x=A"), nil)
	w.settle(first)
	if !errors.Is(w.stopped, pin.err) || errors.Is(w.stopped, errFatal) || len(w.journal) != 0 {
		t.Fatal(w.stopped)
	}
	w.stopped, pin.err = nil, nil
	if w.settle(first); w.stopped != nil || len(w.documents(t)) != 1 {
		t.Error(w.stopped)
	}
}

func TestFormsWithoutPin(t *testing.T) {
	f := &forms{guard: Guard{Form: firstByte}, topic: "t"}
	if err := f.check(context.Background(), []byte("a")); err != nil {
		t.Error(err)
	}
	if err := f.check(context.Background(), []byte("b")); !errors.Is(err, errKeyForm) {
		t.Error(err)
	}
}

func TestSaramasPartitioner(t *testing.T) {
	for key, want := range map[string]int32{"customer-10": 3, "customer-11": 2, "customer-12": 1, "customer-13": 0, "key0": 0, "key1": 11, "key2": 10, "key3": 9, "key4": 4, "key5": 3, "key6": 2, "key7": 1} { // FNV-1a by another program
		if got := fnvPartition([]byte(key), 12); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
}

func TestOnePartitionHoldsAllKeys(t *testing.T) {
	w := newWorld(1, 0, Guard{}, fakeSource)
	place(w, 2*sampleSize, func(int, string) int32 { return 0 })
	if w.stopped != nil || len(w.letters(t)) != 0 {
		t.Error(w.stopped)
	}
}
