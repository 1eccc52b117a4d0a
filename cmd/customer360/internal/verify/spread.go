package verify

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// spread lets several workers do what feed gives, until all is done or one of
// them fails. The context of feed and work ends with the first failure.
func spread[J any](ctx context.Context, workers int, feed func(give func(J) error) error, work func(context.Context, J) error) error {
	g, ctx := errgroup.WithContext(ctx)
	jobs := make(chan J)
	g.Go(func() error {
		defer close(jobs)
		return feed(func(j J) error {
			select {
			case jobs <- j:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range workers {
		g.Go(func() error {
			for j := range jobs {
				if err := work(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
