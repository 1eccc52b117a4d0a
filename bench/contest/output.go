package contest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// output is what a contender left in the documents topic.
type output struct {
	records int // and tombstones
	live    map[string][]byte
}

// output reads the documents, and refuses a run that made dead letters or
// documents without their headers.
func (p Place) output(ctx context.Context, headers bool) (output, error) {
	letters := 0
	if err := engine.ReadToEnd(ctx, p.Client, topology.DeadLetterTopic, func(*kgo.Record) error { letters++; return nil }); err != nil {
		return output{}, err
	}
	if letters > 0 {
		return output{}, fmt.Errorf("%w: %d dead letters", ErrVoid, letters)
	}
	return p.read(ctx, p.Documents(), headers)
}

// read is a topic's last values.
func (p Place) read(ctx context.Context, topic string, headers bool) (output, error) {
	o := output{live: make(map[string][]byte)}
	err := engine.ReadToEnd(ctx, p.Client, topic, func(r *kgo.Record) error {
		o.records++
		if headers && (header(r, codec.HeaderGeneration) == nil || header(r, codec.HeaderFence) == nil) {
			return fmt.Errorf("%w: a document of %s has no %s or no %s", ErrVoid, r.Key, codec.HeaderGeneration, codec.HeaderFence)
		}
		if r.Value == nil {
			delete(o.live, string(r.Key))
		} else {
			o.live[string(r.Key)] = r.Value
		}
		return nil
	})
	return o, err
}

func header(r *kgo.Record, key string) []byte {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// digest is equal for equal values under equal keys: JSON in a normal form, with
// sorted members and strings escaped in one way.
func (o output) digest(normalise func([]byte) ([]byte, error)) (string, error) {
	h := sha256.New()
	var b []byte
	for _, key := range slices.Sorted(maps.Keys(o.live)) {
		value, err := normalise(o.live[key])
		if err != nil {
			return "", fmt.Errorf("%w: the document of %s: %w", ErrVoid, key, err)
		}
		b = codec.AppendBytes(codec.AppendBytes(b[:0], []byte(key)), value)
		_, _ = h.Write(b) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

func normalJSON(value []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func asItIs(value []byte) ([]byte, error) { return value, nil }
