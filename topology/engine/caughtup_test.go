package engine_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// A group is ready when it has done what was there when it began, though more
// comes all the time: here each message brings the next one, so that none is ever
// the last.
func TestCaughtUpUnderSteadyLoad(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t, kafkatest.WithTopics(jobParts, jobIn, jobOut))
	firstOffsets(t, b.Addr, sinkGroup, jobIn)
	generate(t, b.Addr, 0, 200, 20, 0)
	cl := b.Client(t)
	graph := sinkGraph(func(ctx goka.Context) {
		key, done := []byte(ctx.Key()), ctx.DeferCommit()
		time.AfterFunc(20*time.Millisecond, func() {
			cl.Produce(t.Context(), &kgo.Record{Topic: jobIn, Key: key, Value: []byte("more")}, func(_ *kgo.Record, err error) { done(err) })
		})
	})
	r := start(t, sinkConfig(b.Addr, "a"), graph, engine.Hooks{})
	eventually(t, time.Minute, r.Ready, func() string { return "not ready; lag " + strconv.FormatInt(r.Status().Lag, 10) })
	_ = r.stop()
}
