package engine

import "github.com/lovoo/goka"

// edges are the graph's topics and codecs.
type edges struct {
	inputs     map[string]goka.Codec
	outputs    map[goka.Stream]goka.Codec
	loop       string // "" without
	loopCodec  goka.Codec
	table      string // "" without
	tableCodec goka.Codec
}

func edgesOf(graph *goka.GroupGraph) edges {
	e := edges{inputs: map[string]goka.Codec{}, outputs: map[goka.Stream]goka.Codec{}}
	for _, in := range graph.InputStreams() {
		e.inputs[in.Topic()] = in.Codec()
	}
	if l := graph.LoopStream(); l != nil {
		e.loop, e.loopCodec = l.Topic(), l.Codec()
		e.inputs[e.loop] = e.loopCodec
	}
	for _, out := range graph.OutputStreams() {
		e.outputs[goka.Stream(out.Topic())] = out.Codec()
	}
	if t := graph.GroupTable(); t != nil {
		e.table, e.tableCodec = t.Topic(), t.Codec()
	}
	return e
}
