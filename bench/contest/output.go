package contest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology/engine"
)

// output is what a contender left in the documents topic.
type output struct {
	records int
	live    map[string][]byte // the last value of each key that is no tombstone
}

func (b *broker) output(ctx context.Context) (output, error) {
	o := output{live: make(map[string][]byte)}
	err := engine.ReadToEnd(ctx, b.client, b.graph.Settings.Documents(), func(r *kgo.Record) error {
		o.records++
		if r.Value == nil {
			delete(o.live, string(r.Key))
		} else {
			o.live[string(r.Key)] = r.Value
		}
		return nil
	})
	return o, err
}

// digest is equal for equal documents under equal keys.
func (o output) digest() [sha256.Size]byte {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(o.live)) {
		b.Write(codec.AppendBytes(codec.AppendBytes(nil, []byte(key)), o.live[key]))
	}
	return sha256.Sum256(b.Bytes())
}

// check refuses an output that the input cannot have made.
func (c Contender) check(o output, cfg Config) error {
	if len(o.live) != cfg.Load.Keys {
		return fmt.Errorf("%w: %s left %d documents of %d keys", ErrVoid, c, len(o.live), cfg.Load.Keys)
	}
	if c == Raw && o.records != cfg.Load.Records {
		return fmt.Errorf("%w: %s wrote %d records of %d", ErrVoid, c, o.records, cfg.Load.Records)
	}
	return nil
}
