package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/topology/engine"
)

// The Admit hook is asked in each session once the membership stands. Until it
// says yes nothing is delivered and nothing committed; its errors are retried,
// and a fatal one ends Run.
func TestAdmit(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	generate(t, b.Addr, 0, 20, 5, 0)
	adm := kadm.NewClient(b.Client(t))
	reason := errors.New("not this generation any more")
	var asked, delivered atomic.Int64
	members := func() int {
		d, err := adm.DescribeGroups(t.Context(), jobGroup)
		if err != nil {
			t.Error(err)
		}
		return len(d[jobGroup].Members)
	}
	g, err := engine.New(jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(func(goka.Context) { delivered.Add(1) }), engine.Deps{Log: testLog()},
		engine.Hooks{Admit: func(context.Context) error {
			if members() != 1 {
				t.Error("asked before the membership stands")
			}
			if asked.Add(1) == 1 {
				return errors.New("the broker is away") // again, in another incarnation
			}
			return engine.Fatal(reason)
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := g.Run(ctx); !errors.Is(err, reason) || ctx.Err() != nil {
		t.Errorf("Run ended with %v", err)
	}
	if asked.Load() != 2 || delivered.Load() != 0 {
		t.Errorf("asked %d times, delivered %d", asked.Load(), delivered.Load())
	}
	committed, err := adm.FetchOffsets(ctx, jobGroup)
	if err != nil {
		t.Fatal(err)
	}
	committed.Each(func(o kadm.OffsetResponse) {
		if o.At != 0 {
			t.Errorf("%s/%d is committed at %d", o.Topic, o.Partition, o.At)
		}
	})
	if n := members(); n != 0 {
		t.Errorf("%d members are left", n)
	}
}
