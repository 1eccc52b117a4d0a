package engine_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// takeoverBroker is the embedded one, or the real one that ENGINE_KAFKA names,
// with topics made anew.
func takeoverBroker(t *testing.T) *kafkatest.Broker {
	t.Helper()
	addr := os.Getenv("ENGINE_KAFKA")
	if addr == "" {
		return startBroker(t)
	}
	b := &kafkatest.Broker{Addr: addr}
	adm := kadm.NewClient(b.Client(t))
	_, _ = adm.DeleteGroups(t.Context(), jobGroup)
	_, _ = adm.DeleteTopics(t.Context(), jobIn, jobOut, jobTable)
	eventually(t, 30*time.Second, func() bool {
		topics, err := adm.ListTopics(t.Context())
		return err == nil && !topics.Has(jobIn) && !topics.Has(jobOut) && !topics.Has(jobTable)
	}, func() string { return "topics of an earlier run are still there" })
	b.CreateTopic(t, jobIn, jobParts, nil)
	b.CreateTopic(t, jobOut, jobParts, nil)
	b.CreateTopic(t, jobTable, jobParts, map[string]string{"cleanup.policy": "compact"})
	firstOffsets(t, b.Addr, jobGroup, jobIn)
	return b
}

// One of two instances leaves in order; the other one takes its partitions, with
// a standby copy of them and without. With it, no record of the state is read
// again. ENGINE_TAKEOVER_KEYS says how many keys (20,000), `make takeover` takes a
// million; ENGINE_KAFKA=host:port measures on that broker.
func TestTakeoverTimes(t *testing.T) {
	n := 20_000
	if v := os.Getenv("ENGINE_TAKEOVER_KEYS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	for _, standbys := range []int{0, 1} {
		t.Run(fmt.Sprint("standbys ", standbys), func(t *testing.T) {
			b, dir := takeoverBroker(t), t.TempDir()
			fillTable(t, b.Addr, n)
			rs := map[string]*watched{}
			for _, name := range []string{"a", "b"} {
				cfg := jobConfig(b.Addr, dir, name)
				cfg.Standbys, cfg.CacheBytes = standbys, 16<<20
				rs[name] = startWatched(t, cfg, jobGraph(nil), engine.Deps{}, engine.Hooks{})
			}
			eventually(t, 10*time.Minute, func() bool {
				for _, r := range rs {
					s := r.Status()
					current := 0
					for _, c := range s.Standbys {
						if c.Current {
							current++
						}
					}
					if s.State != engine.Running || len(s.Partitions) != jobParts/2 || current != standbys*jobParts/2 {
						return false
					}
				}
				return true
			}, func() string { return fmt.Sprintf("a %+v, b %+v", rs["a"].Status(), rs["b"].Status()) })
			read := valueOf(t, rs["b"], "customer360_engine_recovery_records_total")
			began := time.Now()
			ended := make(chan error, 1)
			go func() { ended <- rs["a"].stop() }()
			eventually(t, 10*time.Minute, func() bool {
				s := rs["b"].Status()
				return s.State == engine.Running && len(s.Partitions) == jobParts
			}, func() string { return fmt.Sprintf("b %+v", rs["b"].Status()) })
			took := time.Since(began)
			if err := receive(t, ended, "it does not end"); err != nil {
				t.Error(err)
			}
			again := valueOf(t, rs["b"], "customer360_engine_recovery_records_total") - read
			t.Logf("%d keys, %d standbys: taken over in %v, %v changelog records read for it", n, standbys, took.Round(time.Millisecond), again)
			if standbys > 0 && again > 0 {
				t.Errorf("%v records were read again, of a log that did not grow", again)
			}
		})
	}
}
