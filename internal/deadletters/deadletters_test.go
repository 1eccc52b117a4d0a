package deadletters

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

func setup(t *testing.T) (context.Context, []kgo.Opt, *kgo.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	broker := kafkatest.Start(t, kafkatest.WithTopics(2, topology.DeadLetterTopic, "raw"))
	opts := []kgo.Opt{kgo.SeedBrokers(broker.Addr)}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return ctx, opts, cl
}

func put(ctx context.Context, t *testing.T, cl *kgo.Client, d codec.DeadLetter) {
	t.Helper()
	r := &kgo.Record{Topic: topology.DeadLetterTopic, Key: []byte(d.Coordinates()), Value: d.Value}
	for k, v := range d.KafkaHeaders() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: v})
	}
	if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func raws(ctx context.Context, t *testing.T, opts []kgo.Opt) (records []*kgo.Record) {
	t.Helper()
	err := engine.ReadToEnd(ctx, opts, "raw", func(r *kgo.Record) error { records = append(records, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestRetryPublishesOnce(t *testing.T) {
	ctx, opts, cl := setup(t)
	d := codec.DeadLetter{Generation: 1, Stage: "rekey", Topic: "raw", Partition: 1, Offset: 7, Reason: "r",
		Key: []byte("k"), Value: []byte(`{"a":1}`), Headers: map[string][]byte{"h": []byte("v")}}
	put(ctx, t, cl, d)
	d.Generation, d.Reason = 2, "newer reason" // the rebuild repeats it
	put(ctx, t, cl, d)
	letters, err := List(ctx, opts)
	if err != nil || len(letters) != 1 || letters[0].Count != 2 || letters[0].Reason != "newer reason" {
		t.Fatalf("%+v, %v", letters, err)
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := Retry(ctx, opts, d.Coordinates()); err == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if _, err := Retry(ctx, opts, d.Coordinates()); won.Load() == 1 && !errors.Is(err, ErrRetried) {
		t.Errorf("a second retry: %v", err)
	}
	got := raws(ctx, t, opts)
	if len(got) != 1 || string(got[0].Key) != "k" || string(got[0].Value) != `{"a":1}` || len(got[0].Headers) != 1 {
		t.Errorf("published %+v", got)
	}
}

func TestRetryIsRefused(t *testing.T) {
	ctx, opts, cl := setup(t)
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "raw", Key: []byte("k"), Value: []byte("old")},
		&kgo.Record{Topic: "raw", Key: []byte("k"), Value: []byte("new")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	partition := raws(ctx, t, opts)[0].Partition
	older := codec.DeadLetter{Stage: "rekey", Topic: "raw", Partition: partition, Offset: 0, Reason: "r", Key: []byte("k")}
	row := codec.DeadLetter{Stage: "csvdir", Topic: "raw", Offset: -1, File: "f.csv", FileHash: "abc", Line: 3, Reason: "r"}
	for _, d := range []codec.DeadLetter{older, row} {
		put(ctx, t, cl, d)
	}
	for coordinates, want := range map[string]error{
		older.Coordinates(): ErrNewer, row.Coordinates(): ErrNoRetry, "raw/0/99": ErrUnknown,
	} {
		if _, err := Retry(ctx, opts, coordinates); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", coordinates, err, want)
		}
	}
	if n := len(raws(ctx, t, opts)); n != 2 {
		t.Errorf("%d records, want the 2 that were there", n)
	}
}

// TestRetryOfAMisplacedRecord: the key's other records lie where it belongs.
func TestRetryOfAMisplacedRecord(t *testing.T) {
	ctx, opts, cl := setup(t)
	const wrong, right = 0, 1
	written := time.Now().Add(-time.Hour)
	manual, err := kgo.NewClient(append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer manual.Close()
	record := func(key string, partition int32, at time.Time) *kgo.Record {
		return &kgo.Record{Topic: "raw", Partition: partition, Key: []byte(key), Value: []byte("v"), Timestamp: at}
	}
	letters := map[string]error{"overtaken": ErrNewer, "newest": nil, "at the same time": ErrNewer, "compacted away": ErrNewer}
	for key, want := range letters {
		other := written.Add(-time.Minute)
		switch key {
		case "overtaken":
			other = written.Add(time.Minute)
		case "at the same time":
			other = written
		}
		misplaced := record(key, wrong, written)
		records := []*kgo.Record{record(key, right, other), misplaced}
		if key == "compacted away" {
			misplaced.Offset = 1 << 20
			records = records[:1]
		}
		if err := manual.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		d := codec.DeadLetter{Stage: "rekey", Topic: "raw", Partition: wrong, Offset: misplaced.Offset, Reason: "misplaced", Key: []byte(key), Value: []byte("v")}
		put(ctx, t, cl, d)
		if _, err := Retry(ctx, opts, d.Coordinates()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", key, err, want)
		}
	}
}

func TestMask(t *testing.T) {
	const secret = "5owhiy1j.isq"
	for _, text := range []string{
		`{"id":1,"password":"` + secret + `","name":"x"}`,
		`{"Password" : "` + secret + `"}`,
		`{"password":"` + secret,                            // cut off
		`{"v":"{\"password\":\"` + secret + `\",\"n\":1}"}`, // JSON in JSON
		`{"pass":"a\"` + secret + `"}`,                      // an escaped quote inside
		"password=" + secret + "&x=1",
		`{"password":12345}`[:12] + secret + "}",
	} {
		if got := Mask([]byte(text), false); strings.Contains(got, secret) {
			t.Errorf("%s shows as %s", text, got)
		}
	}
	if got := Mask([]byte(`{"id":1,"password":"x","name":"y"}`), false); got != `{"id":1,"password":"********","name":"y"}` {
		t.Error(got)
	}
	for _, text := range []string{`<customer><password>secret</password></customer>`, `<input name="password" type="text" value="secret">`,
		`<input value='secret' name=token>`, `<api-key kind="x">secret</api-key>`} {
		if got := Mask([]byte(text), false); strings.Contains(got, "secret") {
			t.Errorf("%s", got)
		}
	}
	for _, name := range []string{"Authorization", "x-api-key", "Set-Cookie", "password"} {
		if got := MaskHeader(name, []byte("secret")); strings.Contains(got, "secret") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := MaskHeader("c360.reason", []byte("plain")); got != "plain" {
		t.Error(got)
	}
	if got := Mask([]byte("secret,27"), true); got != "********,********" {
		t.Error(got)
	}
	for key, want := range map[string]string{"27": "27", "PWSEKRETY": mask, "": ""} {
		if got := MaskKey([]byte(key), true); got != want {
			t.Errorf("the key of a row that begins with %q is shown as %q", key, got)
		}
	}
	if got := MaskKey([]byte(`{"id":1}`), false); got != `{"id":1}` {
		t.Error(got)
	}
	if got := Mask([]byte("27,secret,Matthew,Groves"), true); got != "27,********,********,********" {
		t.Error(got)
	}
	if got := Mask([]byte("\x00\x00\x00\x00\x01secret"), false); strings.Contains(got, "secret") && !strings.Contains(got, "may hold") {
		t.Error(got)
	}
	if got := Mask(nil, false); got != "null" {
		t.Error(got)
	}
}

// A rebuild with another count of partitions gives the polls another topic: a
// letter of the former one goes there.
func TestRetryOfAPollFollowsTheGeneration(t *testing.T) {
	ctx, opts, cl := setup(t)
	d := codec.DeadLetter{Generation: 1, Stage: "restpoll", Topic: topology.PollsTopic, Partition: 1, Offset: 7, Reason: "r", Key: []byte("k"), Value: []byte("v")}
	put(ctx, t, cl, d)
	for _, topic := range []string{topology.GenerationsTopic, "onlinestore.polls.g2"} {
		if _, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	serving := `{"number":2,"state":"serving","settings":{"generation":2,"partitions":1,"home_delivery_topic":"h","poller":2}}`
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topology.GenerationsTopic, Key: []byte("2"), Value: []byte(serving)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := Retry(ctx, opts, d.Coordinates()); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := engine.ReadToEnd(ctx, opts, "onlinestore.polls.g2", func(r *kgo.Record) error { got = append(got, string(r.Value)); return nil }); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	other := d
	other.Offset = 6
	put(ctx, t, cl, other)
	if _, err := Retry(ctx, opts, other.Coordinates()); !errors.Is(err, ErrNewer) {
		t.Errorf("an older one: %v", err)
	}
}
