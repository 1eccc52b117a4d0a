package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology"
)

// clusterAction is the number of the operation in the bit set of what a user may do.
const clusterAction = 9

// clusterActions asks the cluster what this user may do on it.
func (d *doctor) clusterActions(ctx context.Context) (bool, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeClusterAuthorizedOperations = true
	answer, err := req.RequestWith(ctx, d.client)
	if err != nil {
		return false, fmt.Errorf("what this user may do on the cluster cannot be asked: %w", err)
	}
	if answer.ClusterAuthorizedOperations == math.MinInt32 {
		return false, errors.New("the cluster does not say what this user may do")
	}
	return answer.ClusterAuthorizedOperations&(1<<clusterAction) != 0, nil
}

// oldest is the age of the oldest record from the offsets on, partition by
// partition; 0 where there is none.
func (d *doctor) oldest(ctx context.Context, topic string, from map[int32]int64) (time.Duration, error) {
	offsets := map[int32]kgo.Offset{}
	for p, at := range from {
		offsets[p] = kgo.NewOffset().At(at)
	}
	cl, err := kgo.NewClient(append(d.deps.Kafka[:len(d.deps.Kafka):len(d.deps.Kafka)], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxPartitionBytes(1<<10),
		kgo.BrokerMaxReadBytes(8*topology.MaxMessageBytes), kgo.DisableClientMetrics())...)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	patience, cancel := context.WithTimeout(ctx, d.deps.Limit/4)
	defer cancel()
	var age time.Duration
	for len(offsets) > 0 {
		fetches := cl.PollFetches(patience)
		if patience.Err() != nil {
			return age, ctx.Err() // an open transaction, or nothing that is left there
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return age, errs[0].Err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if _, open := offsets[r.Partition]; open {
				age = max(age, d.deps.Now().Sub(r.Timestamp))
				delete(offsets, r.Partition)
			}
		}
	}
	return age, nil
}
