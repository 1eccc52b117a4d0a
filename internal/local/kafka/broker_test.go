package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a broker under test. end stops it and returns what Run returned.
type running struct {
	*Broker
	end func() error
}

func run(t testing.TB, dir string, change func(*Config), prepare ...func(*Broker)) running {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.SyncWrites = dir, false
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range prepare {
		f(b)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	ended := false
	r := running{b, func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("the broker did not end")
		}
	}}
	t.Cleanup(func() { r.end() }) //nolint:errcheck // the test looked at it where it matters
	select {
	case <-b.Ready():
	case err := <-done:
		ended = true
		cancel()
		t.Fatalf("the broker did not start: %v", err)
	}
	return r
}

func (r running) client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.Addr())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (r running) topic(t testing.TB, name string, partitions int32, config map[string]string) {
	t.Helper()
	values := map[string]*string{}
	for k, v := range config {
		values[k] = &v
	}
	client := r.client(t)
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(context.Background(), partitions, 1, values, name); err != nil {
		t.Fatal(err)
	}
}

func (r running) ends(t testing.TB, topic string) (start, end int64) {
	t.Helper()
	client := r.client(t)
	defer client.Close()
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := starts.Lookup(topic, 0)
	e, _ := ends.Lookup(topic, 0)
	return s.Offset, e.Offset
}

func TestRecordsAndCommitsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	first := run(t, dir, nil)
	first.topic(t, "t", 1, nil)
	client := first.client(t)
	for i := range 10 {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 7, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "g", offsets); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := first.end(); err != nil {
		t.Fatalf("ended with %v", err)
	}

	second := run(t, dir, nil)
	if _, end := second.ends(t, "t"); end != 10 {
		t.Errorf("%d records after the restart, want 10", end)
	}
	committed, err := kadm.NewClient(second.client(t)).FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := committed.Lookup("t", 0); !ok || at.At != 7 {
		t.Errorf("committed at %d, %v after the restart, want 7", at.At, ok)
	}
}

func TestAPortInUseIsSaid(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cfg := DefaultConfig()
	cfg.Dir, cfg.Listen = t.TempDir(), other.Addr().String()
	b, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err == nil || !strings.Contains(err.Error(), cfg.Listen) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderInUseIsSaid(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, nil)
	cfg := DefaultConfig()
	cfg.Dir = dir
	b, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderThatCannotBeMadeIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Dir = filepath.Join(file, "kafka")
	b, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err == nil || !strings.Contains(err.Error(), cfg.Dir) && !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

func TestAFullDiskEndsTheBrokerInOrder(t *testing.T) {
	t.Parallel()
	var free atomic.Uint64
	free.Store(1 << 30)
	dir := t.TempDir()
	r := run(t, dir, nil, func(b *Broker) { b.disk.free = func(string) (uint64, error) { return free.Load(), nil } })
	r.topic(t, "t", 1, nil)
	if err := r.client(t).ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	free.Store(10 << 20)
	deadline := time.Now().Add(10 * time.Second)
	for dialable(r.Addr()) && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	err := r.end()
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "10 MiB free") {
		t.Fatalf("got %v", err)
	}
	if _, end := run(t, dir, nil).ends(t, "t"); end != 1 {
		t.Errorf("%d records after a full disk, want 1", end)
	}
}

func dialable(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		conn.Close() //nolint:errcheck // only knocked
	}
	return err == nil
}

func TestAMistakenConfigSaysEverything(t *testing.T) {
	err := Config{Listen: "0.0.0.0:1", CompactEvery: -1}.Validate()
	for _, want := range []string{"dir is empty", "0.0.0.0:1", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
