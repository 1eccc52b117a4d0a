package engine_test

import (
	"testing"
	"time"

	"github.com/lovoo/goka"

	"customer360/topology/engine"
)

// A sink gives its partitions back as soon as nothing is under way, and commits
// what was finished meanwhile: it does not wait for the end of DrainTimeout.
func TestSinkRevokeIsQuick(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"idle": false, "one message under way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, adm := startSinkBroker(t)
			cfg := sinkConfig(b.Addr, "a")
			cfg.DrainTimeout, cfg.RebalanceTimeout = time.Minute, 3*time.Minute
			var finish func(error)
			begun := make(chan struct{})
			r := start(t, cfg, sinkGraph(func(ctx goka.Context) {
				finish = ctx.DeferCommit()
				close(begun)
			}), engine.Hooks{})
			generate(t, b.Addr, 0, 1, 1, 0)
			receive(t, begun, "nothing is delivered")
			if !late {
				finish(nil)
				awaitEnd(t, b.Addr, sinkGroup, 60*time.Second, jobIn)
			}
			began, stopped := time.Now(), make(chan error, 1)
			go func() { stopped <- r.stop() }()
			if late {
				select {
				case err := <-stopped:
					t.Errorf("it did not wait for the message: %v", err)
				case <-time.After(200 * time.Millisecond):
				}
				finish(nil)
			}
			if err := receive(t, stopped, "it does not end"); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > cfg.DrainTimeout*3/4 {
				t.Errorf("the end took %v", took)
			}
			if lag, err := groupLag(adm, sinkGroup, jobIn); lag != 0 || err != nil {
				t.Errorf("%d messages are not committed, %v", lag, err)
			}
		})
	}
}
