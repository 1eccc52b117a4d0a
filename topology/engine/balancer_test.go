package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/engine"
	"customer360/topology/engine/balance"
)

// A member of a version that knows range only joins, as in a rolling upgrade:
// the group speaks range as long as it is there, and our protocol after that.
func TestGroupWithAnOlderMember(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	generate(t, b.Addr, 0, 1000, 50, 0)
	rs := map[string]*watched{}
	for _, name := range []string{"a", "b"} {
		cfg := standbyConfig(b, dir, name)
		cfg.Address = name + ".example:8360"
		rs[name] = startWatched(t, cfg, jobGraph(nil), engine.Deps{}, engine.Hooks{})
	}
	adm := kadm.NewClient(b.Client(t))
	group := func() kadm.DescribedGroup {
		described, err := adm.DescribeGroups(t.Context(), jobGroup)
		if err != nil {
			t.Fatal(err)
		}
		return described[jobGroup]
	}
	status := func() string {
		return fmt.Sprintf("protocol %s; a %+v; b %+v", group().Protocol, rs["a"].Status(), rs["b"].Status())
	}
	both := func() bool { _, standbys := copies(rs); return standbys != nil && group().Protocol == balance.Protocol }
	eventually(t, 60*time.Second, both, status)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	for _, m := range group().Members {
		meta, ok := m.Join.AsConsumer()
		if !ok {
			t.Fatalf("%s speaks no consumer protocol", m.ClientID)
		}
		words, ok := balance.DecodeMember(meta.UserData)
		if !ok || words.Instance != m.ClientID || words.Address != m.ClientID+".example:8360" || words.Host == "" {
			t.Errorf("%s says %+v of itself", m.ClientID, words)
		}
	}

	older := b.Client(t, kgo.ConsumerGroup(jobGroup), kgo.ConsumeTopics(jobIn), kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(),
		kgo.ClientID("older"), kgo.HeartbeatInterval(200*time.Millisecond))
	polled := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(polled)
		for ctx.Err() == nil {
			older.PollFetches(ctx)
		}
	}()
	eventually(t, 60*time.Second, func() bool {
		owned, standbys := 0, 0
		for _, r := range rs {
			s := r.Status()
			if s.State != engine.Running {
				return false
			}
			owned, standbys = owned+len(s.Partitions), standbys+len(s.Standbys)
		}
		return group().Protocol == "range" && owned == jobParts-1 && standbys == 0
	}, status)
	stop()
	<-polled
	older.Close()
	generate(t, b.Addr, 1000, 1000, 50, 0)
	eventually(t, 60*time.Second, both, status)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	for name, r := range rs {
		if rebuilds := valueOf(t, r, "customer360_engine_rebuilds_total"); rebuilds != 0 {
			t.Errorf("%s was replaced %v times: %v", name, rebuilds, r.Status().LastError)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	verify(t, b.Addr, dir, 2000, 50)
}
