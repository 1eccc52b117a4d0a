package engine_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// ends says with which numbers a key goes away: every seventh.
func ends(key string, number int) bool {
	n, _ := strconv.Atoi(strings.TrimPrefix(key, "key-"))
	return (n+number)%7 == 0
}

// sumGraph adds up numbers by key, and removes it now and then. So the next value tells whether the state before it was the right one.
func sumGraph() *goka.GroupGraph {
	return goka.DefineGroup(jobGroup,
		engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, msg any) {
			add, _ := strconv.Atoi(string(msg.([]byte)))
			if ends(ctx.Key(), add) {
				ctx.Delete()
				ctx.Emit(jobOut, ctx.Key(), nil)
				return
			}
			before, _ := ctx.Value().([]byte)
			sum, _ := strconv.Atoi(string(before))
			value := []byte(strconv.Itoa(sum + add))
			ctx.SetValue(value)
			ctx.Emit(jobOut, ctx.Key(), value)
		}),
		goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes)))
}

// sums is what sumGraph must come to.
type sums map[string]int

func (s sums) apply(from, n, keys int) {
	for i := from; i < from+n; i++ {
		key, add := "key-"+strconv.Itoa(i%keys), i/keys+1 // as generate writes them
		if ends(key, add) {
			delete(s, key)
		} else {
			s[key] += add
		}
	}
}

func newest(t *testing.T, addr, topic string) sums {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	found := sums{}
	if err := engine.ReadToEnd(ctx, []kgo.Opt{kgo.SeedBrokers(addr)}, topic, func(r *kgo.Record) error {
		delete(found, string(r.Key))
		if r.Value != nil {
			v, err := strconv.Atoi(string(r.Value))
			found[string(r.Key)] = v
			return err
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// Compaction of changelog and outputs, between the steps of a group and within
// them, changes nothing: neither where folders are kept and lag behind, nor where each step
// begins with an empty one and deletions have been compacted away.
func TestCompactionAtEveryStep(t *testing.T) {
	t.Parallel()
	const keys, perStep = 20, 120
	for name, keep := range map[string]bool{"folders kept": true, "empty folders, deletions compacted away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compact := map[string]string{"cleanup.policy": "compact"}
			b := startBroker(t, kafkatest.WithDir(t.TempDir()), kafkatest.WithTopic(jobOut, jobParts, compact))
			want, total, dir := sums{}, 0, t.TempDir()
			at := time.Now
			if !keep {
				at = func() time.Time { return time.Now().Add(10 * 24 * time.Hour) }
			}
			more := func() {
				generate(t, b.Addr, total, perStep/2, keys, 0)
				want.apply(total, perStep/2, keys)
				total += perStep / 2
			}
			for i := range 4 {
				if !keep {
					dir = t.TempDir()
				}
				more()
				instance := []string{"a", "b"}[i%2] // a folder that is kept lags behind by a step
				r := start(t, jobConfig(b.Addr, dir, instance), sumGraph(), engine.Hooks{})
				awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
				b.Compact(t, time.Now()) // under it: the folder is younger than any deletion
				more()
				awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				b.Compact(t, at())
				for _, topic := range []string{jobTable, jobOut} {
					if got := newest(t, b.Addr, topic); !maps.Equal(got, want) {
						t.Fatalf("step %d, %s: %v, want %v", i, topic, got, want)
					}
				}
				compareFolders(t, b.Addr, filepath.Join(dir, instance))
			}
			if len(want) == 0 || len(want) == keys {
				t.Errorf("%s: %d of %d keys are left: too even for a test", fmt.Sprint(want), len(want), keys)
			}
		})
	}
}
