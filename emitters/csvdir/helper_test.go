package csvdir

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/codec/loyalty"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
)

const header = "Id,Password,FirstName,LastName,Email,Points\n"

// member is a well-formed row.
func member(id int, points any) string {
	return fmt.Sprintf("%d,pw%d,First%d,Last%d,m%d@example.com,%v\n", id, id, id, id, id, points)
}

func members(from, to int, points any) string {
	var b strings.Builder
	for id := from; id <= to; id++ {
		b.WriteString(member(id, points))
	}
	return b.String()
}

// bench is a broker with a folder.
type bench struct {
	t      testing.TB
	broker *kafkatest.Broker
	dir    string
	state  string
	clock  int // minutes
}

func newBench(t testing.TB) *bench {
	compact := map[string]string{"cleanup.policy": "compact"}
	b := kafkatest.Start(t,
		kafkatest.WithTopic(topology.LoyaltyTopic, 3, compact), kafkatest.WithTopic(topology.FilesTopic, 1, compact),
		kafkatest.WithTopics(2, topology.DeadLetterTopic))
	return &bench{t: t, broker: b, dir: t.TempDir(), state: t.TempDir()}
}

func (b *bench) config() Config {
	c := DefaultConfig()
	c.Dir, c.StateDir, c.Instance = b.dir, b.state, "one"
	c.Stable, c.Poll, c.Takeover = 20*time.Millisecond, 500*time.Millisecond, 2*time.Second
	return c
}

func (b *bench) deps() Deps {
	level := slog.LevelError + 1
	if testing.Verbose() {
		level = slog.LevelDebug
	}
	return Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(b.broker.Addr)}, Log: slog.New(slog.NewTextHandler(b.t.Output(), &slog.HandlerOptions{Level: level}))}
}

// drop puts a file into the folder, a minute newer than the last one.
func (b *bench) drop(name, content string) string {
	b.t.Helper()
	b.clock++
	return b.dropAt(name, content, b.clock)
}

// dropAt puts it there in one step, with its time set.
func (b *bench) dropAt(name, content string, minute int) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path+".part", []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)
	if err := os.Chtimes(path+".part", at, at); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// byHand imports the file.
func (b *bench) byHand(path string, accept bool) (File, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return Import(ctx, b.config(), b.deps(), path, accept)
}

func (b *bench) must(f File, err error) File {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// start runs an importer until the test ends or stop is called.
func (b *bench) start(cfg Config) (i *Importer, stop func()) {
	b.t.Helper()
	i, err := New(cfg, b.deps())
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
	b.t.Cleanup(stop)
	return i, stop
}

func (b *bench) idle(importers ...*Importer) {
	b.t.Helper()
	for _, i := range importers {
		eventually(b.t, "the importer is idle", i.Idle)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached: %s", what)
		}
	}
}

// members is what readers of loyalty.members make of it by the decoder's rules:
// id -> the row's JSON, "" where the member was withdrawn.
func (b *bench) members() map[string]string {
	b.t.Helper()
	decoder, err := loyalty.New(loyalty.Config{Pass: codec.PassKeep})
	if err != nil {
		b.t.Fatal(err)
	}
	values, states := map[string]string{}, map[string][]byte{}
	for _, r := range b.broker.Records(b.t, topology.LoyaltyTopic) {
		id := string(r.Key)
		change, err := decoder.Decode(rawOf(r))
		if err != nil || change.Problem != nil || change.Ignored != "" {
			b.t.Errorf("the decoder would not take a row of %s: %v %v %s", id, err, change.Problem, change.Ignored)
		}
		state, accepted := decoder.Accept(states[id], &change)
		if !accepted {
			b.t.Errorf("the decoder would refuse a position of %s", id)
			continue
		}
		states[id], values[id] = state, string(r.Value)
		if want := topology.Partition(r.Key, 3); r.Partition != want {
			b.t.Errorf("member %s lies on partition %d, want %d", id, r.Partition, want)
		}
	}
	return values
}

// alive drops what was withdrawn.
func (b *bench) alive() map[string]string {
	m := b.members()
	for id, v := range m {
		if v == "" {
			delete(m, id)
		}
	}
	return m
}

func rawOf(r *kgo.Record) *codec.Raw {
	raw := &codec.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Headers: map[string][]byte{}}
	for _, h := range r.Headers {
		raw.Headers[h.Key] = h.Value
	}
	return raw
}

func (b *bench) dead() []codec.DeadLetter {
	b.t.Helper()
	var letters []codec.DeadLetter
	for _, r := range b.broker.Records(b.t, topology.DeadLetterTopic) {
		d, err := codec.ParseDeadLetter(rawOf(r).Headers, r.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		letters = append(letters, d)
	}
	return letters
}

func (b *bench) records() int {
	b.t.Helper()
	return len(b.broker.Records(b.t, topology.LoyaltyTopic))
}

// log is loyalty.members whole: two equal logs make equal documents.
func (b *bench) log() string {
	b.t.Helper()
	var s strings.Builder
	for _, topic := range []string{topology.LoyaltyTopic, topology.DeadLetterTopic} {
		records := b.broker.Records(b.t, topic) // partitions in any order
		slices.SortStableFunc(records, func(x, y *kgo.Record) int { return cmp.Compare(x.Partition, y.Partition) })
		for _, r := range records {
			fmt.Fprintf(&s, "%s/%d %s=%s nil=%t", topic, r.Partition, r.Key, r.Value, r.Value == nil)
			for _, name := range []string{codec.HeaderFileTime, codec.HeaderFileHash, codec.HeaderFileRow} {
				fmt.Fprintf(&s, " %s", rawOf(r).Headers[name])
			}
			s.WriteByte('\n')
		}
	}
	return s.String()
}

func (b *bench) history() []File {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	files, err := History(ctx, b.deps())
	if err != nil {
		b.t.Fatal(err)
	}
	return files
}

func (b *bench) phases() string {
	var s []string
	for _, f := range b.history() {
		s = append(s, fmt.Sprintf("%s %s", f.Name, f.Phase))
	}
	return strings.Join(s, ", ")
}

func (b *bench) wantPhases(want string) {
	b.t.Helper()
	if got := b.phases(); got != want {
		b.t.Errorf("history is %q, want %q", got, want)
	}
}
