package sink

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"customer360/processors/couchbase"
)

// lookers read documents at a time.
const lookers = 16

// check looks at every document, and where fenced is true at every fence.
func check(ctx context.Context, p places, s segment, fenced bool) error {
	c := couchbaseConfig(contendConfig{Places: p, Durability: "none"})
	client, err := couchbase.Connect(ctx, c, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	auditor, err := client.Audit(ctx, c.Documents)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range lookers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < s.documents && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				found, err := auditor.Look(ctx, keyOf(i))
				if err == nil {
					err = s.compare(i, found, fenced)
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (s segment) compare(i int, found couchbase.Found, fenced bool) error {
	want := s.body(i)
	switch {
	case found.Live != (want != nil) || !bytes.Equal(found.Body, want):
		return fmt.Errorf("%w: %s is %.100q (there: %v), want %.100q", ErrVoid, keyOf(i), found.Body, found.Live, want)
	case fenced && (!found.Fenced || found.Fence != couchbase.Fence{Generation: generation, Offset: s.fence(i)}):
		return fmt.Errorf("%w: the fence of %s is %v (there: %v), want offset %d", ErrVoid, keyOf(i), found.Fence, found.Fenced, s.fence(i))
	}
	return nil
}
