package deadletters

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// Count folds like List and keeps keys only: how many dead letters there are, and
// how many of them were never retried.
func Count(ctx context.Context, opts []kgo.Opt) (total, pending int, err error) {
	retried := map[string]bool{}
	err = engine.ReadToEnd(ctx, opts, topology.DeadLetterTopic, func(r *kgo.Record) error {
		headers := make(map[string][]byte, len(r.Headers))
		for _, h := range r.Headers {
			headers[h.Key] = h.Value
		}
		key := string(r.Key)
		_, known := retried[key]
		if _, ok := headers[headerRetried]; ok {
			if known {
				retried[key] = true
			}
			return nil
		}
		if _, err := codec.ParseDeadLetter(headers, r.Value); err == nil && !known {
			retried[key] = false
		}
		return nil
	})
	for _, done := range retried {
		if !done {
			pending++
		}
	}
	return len(retried), pending, err
}
