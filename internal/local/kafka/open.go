package kafka

import (
	"context"
	"time"
)

// open cleans the folder where it is time, and starts a node on it.
func (b *Broker) open(ctx context.Context, door *door) (*node, error) {
	if err := mend(b.cfg.Dir, b.log); err != nil {
		return nil, err
	}
	c := cleaner{dir: b.cfg.Dir, now: time.Now}
	if c.due(b.cfg.CompactEvery) {
		begin := time.Now()
		freed, err := c.clean(ctx)
		if err != nil {
			// The folder is whole, only not smaller: no reason not to serve.
			b.log.Warn("the embedded Kafka broker could not clear superseded records away", "error", err)
		} else {
			b.log.Info("the embedded Kafka broker cleared superseded records away", "freed_bytes", freed, "took", time.Since(begin))
		}
	}
	return b.start(door)
}
