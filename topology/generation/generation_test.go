package generation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/admin"
)

func cluster(t *testing.T) (context.Context, []kgo.Opt, *kgo.Client, topology.Graph) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	opts := []kgo.Opt{kgo.SeedBrokers(kafkatest.Start(t).Addr)}
	cl := client(t, opts)
	s := topology.DefaultSettings()
	s.Partitions = 3
	g, err := topology.New(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Create(ctx, cl, g, 1); err != nil {
		t.Fatal(err)
	}
	return ctx, opts, cl, g
}

// client is a new one: a client answers metadata from a cache for some seconds.
func client(t *testing.T, opts []kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// Several instances start at once on a new cluster: one generation, and every
// group has first offsets.
func TestEnsureCreatesOnce(t *testing.T) {
	ctx, opts, cl, g := cluster(t)
	parts := map[string]string{"pass": "keep"}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			gen, err := Ensure(ctx, opts, g, parts)
			if err != nil || gen.Number != 1 || gen.State != Serving {
				t.Errorf("%+v, %v", gen, err)
			}
		})
	}
	wg.Wait()
	for _, group := range g.Groups {
		offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, group.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range group.Inputs {
			if n := len(offsets[topic]); n != 3 {
				t.Errorf("group %s has %d offsets of %s", group.Name, n, topic)
			}
		}
	}
	_, err := Ensure(ctx, opts, g, map[string]string{"pass": "hash"})
	if !errors.Is(err, ErrRefused) || !strings.Contains(fmt.Sprint(err), `pass was "keep" and is now "hash"`) {
		t.Error(err)
	}
}

func TestTopicCreatedAnewIsRefused(t *testing.T) {
	ctx, opts, cl, g := cluster(t)
	if _, err := Ensure(ctx, opts, g, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(cl).DeleteTopic(ctx, topology.LoyaltyTopic); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Create(ctx, client(t, opts), g, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(ctx, opts, g, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), topology.LoyaltyTopic) {
		t.Error(err)
	}
}

// A creator that died between its commits is taken over.
func TestBuildingIsFinished(t *testing.T) {
	ctx, opts, cl, g := cluster(t)
	first, err := firstOffsets(ctx, cl, g)
	if err != nil {
		t.Fatal(err)
	}
	err = NewLog(opts).update(ctx, func(State) ([]entry, error) {
		return entries(Generation{Number: 1, State: Building, FirstOffsets: first})
	})
	if err != nil {
		t.Fatal(err)
	}
	gen, err := Ensure(ctx, opts, g, nil)
	if err != nil || gen.State != Serving {
		t.Fatalf("%+v, %v", gen, err)
	}
	offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, g.Settings.MergeGroup())
	if err != nil || len(offsets[g.Settings.Records()]) != 3 {
		t.Errorf("%v, %v", offsets, err)
	}
}

// All racers agree on one form, and it is what later readers see.
func TestKeyFormHasOneWinner(t *testing.T) {
	ctx, opts, _, _ := cluster(t)
	winners := make([]string, 6)
	var wg sync.WaitGroup
	for i := range winners {
		wg.Go(func() {
			var err error
			winners[i], err = NewLog(opts).Pin(1).SetKeyForm(ctx, "t", []string{"bare", "wrapped"}[i%2])
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	form, err := NewLog(opts).Pin(1).KeyForm(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range winners {
		if w != form {
			t.Errorf("winners %v, pinned %q", winners, form)
		}
	}
}

func TestCheckNamesDifferences(t *testing.T) {
	ctx, opts, cl, g := cluster(t)
	diffs, err := admin.Check(ctx, cl, g)
	if err != nil || len(diffs) != 0 {
		t.Fatalf("%v, %v", diffs, err)
	}
	adm := kadm.NewClient(cl)
	if _, err := adm.DeleteTopic(ctx, topology.FilesTopic); err != nil {
		t.Fatal(err)
	}
	value := "delete"
	if _, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &value}}, topology.LoyaltyTopic); err != nil {
		t.Fatal(err)
	}
	diffs, err = admin.Check(ctx, client(t, opts), g)
	if err != nil || len(diffs) != 2 || diffs[0].What != "cleanup.policy" || diffs[0].Have != "delete" || diffs[1].What != "topic" {
		t.Errorf("%v, %v", diffs, err)
	}
}
