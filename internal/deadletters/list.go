package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// Letter is a dead letter as it stands after folding.
type Letter struct {
	codec.DeadLetter
	At      time.Time // of the newest record with these coordinates
	Count   int       // how often it was written
	Retried bool
}

// headerRetried marks the record that notes a retry.
const headerRetried = "c360.dead.retried"

// List reads the whole topic and folds it by coordinates, in the order in
// which they first appeared.
func List(ctx context.Context, opts []kgo.Opt) ([]Letter, error) {
	byKey := map[string]*Letter{}
	var order []*Letter
	err := engine.ReadToEnd(ctx, opts, topology.DeadLetterTopic, func(r *kgo.Record) error {
		headers := make(map[string][]byte, len(r.Headers))
		for _, h := range r.Headers {
			headers[h.Key] = h.Value
		}
		key := string(r.Key)
		l := byKey[key]
		if _, ok := headers[headerRetried]; ok {
			if l != nil {
				l.Retried = true
			}
			return nil
		}
		d, err := codec.ParseDeadLetter(headers, r.Value)
		if errors.Is(err, codec.ErrNewer) {
			return fmt.Errorf("%s/%d/%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		if err != nil {
			return nil // somebody else's record in our topic is no reason to show nothing
		}
		if l == nil {
			l = &Letter{}
			byKey[key] = l
			order = append(order, l)
		}
		*l = Letter{DeadLetter: d, At: r.Timestamp, Count: l.Count + 1, Retried: l.Retried}
		return nil
	})
	if err != nil {
		return nil, err
	}
	letters := make([]Letter, len(order))
	for i, l := range order {
		letters[i] = *l
	}
	slices.SortStableFunc(letters, func(a, b Letter) int { return a.At.Compare(b.At) })
	return letters, nil
}

// Find returns the letter with these coordinates.
func Find(letters []Letter, coordinates string) (Letter, bool) {
	i := slices.IndexFunc(letters, func(l Letter) bool { return l.Coordinates() == strings.TrimSpace(coordinates) })
	if i < 0 {
		return Letter{}, false
	}
	return letters[i], true
}
