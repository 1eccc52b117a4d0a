package couchbase

import (
	"errors"

	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// SinkGraph is the graph of the merged documents' sink.
func SinkGraph(s topology.Settings, each goka.ProcessCallback) *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(s.SinkGroup()), engine.Input(goka.Stream(s.Documents()), rawBytes{}, each))
}

// StagingGraph is the graph of one source's staging sink.
func StagingGraph(s topology.Settings, source string, each goka.ProcessCallback) *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(s.StagingGroup(source)), engine.Input(goka.Stream(s.RawTopic(source)), rawBytes{}, each))
}

// rawBytes is the codec of all edges: a codec's error would end the group.
type rawBytes struct{}

var errNoBytes = errors.New("couchbase: values of topics are bytes")

func (rawBytes) Encode(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errNoBytes
	}
	return b, nil
}

func (rawBytes) Decode(b []byte) (any, error) { return b, nil }

// rawOf is the record behind a callback; it may be kept.
func rawOf(ctx goka.Context, value any) *codec.Raw {
	raw := &codec.Raw{Topic: string(ctx.Topic()), Partition: ctx.Partition(), Offset: ctx.Offset(),
		Timestamp: ctx.Timestamp(), Headers: ctx.Headers()}
	raw.Value, _ = value.([]byte)
	if key := ctx.Key(); key != "" {
		raw.Key = []byte(key)
	}
	return raw
}
