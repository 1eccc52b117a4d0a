package engine

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// features are what transactions depend on that not every cluster has.
type features struct {
	// transactions2: transaction.version 2 (KIP-890, Kafka 4.0). The epoch moves
	// with every transaction, and requests add themselves to it. Below, a produce
	// request that comes late could join the next transaction of its epoch: so
	// the engine ends no aborted transaction but by raising the epoch
	// (session.abort), and adds offsets by a request of their own.
	transactions2 bool
	// listTransactions: Kafka 3.0. Before, nobody can tell whose transaction is
	// open on a partition, and a new owner waits until it has timed out.
	listTransactions bool
}

// oldest are the requests that exactness stands on, in the versions it needs:
// stable offsets and the member's generation in transactional commits came with
// Kafka 2.5, DescribeProducers with 2.8.
var oldest = []struct {
	key     kmsg.Key
	version int16
}{{kmsg.OffsetFetch, 7}, {kmsg.TxnOffsetCommit, 3}, {kmsg.InitProducerID, 3}, {kmsg.DescribeProducers, 0}}

// lookAtFeatures refuses a broker that is too old.
func lookAtFeatures(ctx context.Context, cl *kgo.Client) (f features, err error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "customer360", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return f, fmt.Errorf("the broker's features: %w", err)
	}
	for _, feature := range resp.FinalizedFeatures {
		f.transactions2 = f.transactions2 || feature.Name == "transaction.version" && feature.MaxVersionLevel >= 2
	}
	most := map[kmsg.Key]int16{}
	for _, k := range resp.ApiKeys {
		most[kmsg.Key(k.ApiKey)] = k.MaxVersion
	}
	_, f.listTransactions = most[kmsg.ListTransactions]
	for _, need := range oldest {
		if version, ok := most[need.key]; !ok || version < need.version {
			return f, fatalf("exactly once needs brokers of Kafka 2.8 or newer, better 4.0 with transaction.version 2: this one has no %s of version %d", need.key.Name(), need.version)
		}
	}
	return f, nil
}
