package engine

import (
	"fmt"
	"reflect"
	"unsafe" //nolint:gosec // two fields that goka does not show: see readCallback and readHeaders

	"github.com/lovoo/goka"
)

// edges are the graph as the engine uses it. goka delivers one message per
// fetched batch to incarnation.deliver, which calls the graph's callbacks for
// each record: goka itself costs several microseconds per message.
type edges struct {
	inputs     map[string]input
	outputs    map[goka.Stream]goka.Codec
	loop       string // "" without
	loopCodec  goka.Codec
	table      string // "" without
	tableCodec goka.Codec
}

type input struct {
	codec goka.Codec
	call  goka.ProcessCallback
}

func edgesOf(graph *goka.GroupGraph) (edges, error) {
	e := edges{inputs: map[string]input{}, outputs: map[goka.Stream]goka.Codec{}}
	in := graph.InputStreams()
	if l := graph.LoopStream(); l != nil {
		e.loop, e.loopCodec = l.Topic(), l.Codec()
		in = append(in[:len(in):len(in)], l)
	}
	for _, edge := range in {
		call, err := readCallback(edge)
		if err != nil {
			return edges{}, err
		}
		e.inputs[edge.Topic()] = input{edge.Codec(), call}
	}
	for _, edge := range graph.OutputStreams() {
		e.outputs[goka.Stream(edge.Topic())] = edge.Codec()
	}
	if t := graph.GroupTable(); t != nil {
		e.table, e.tableCodec = t.Topic(), t.Codec()
	}
	return e, checkOptions()
}

// batched is the graph with another callback in all inputs.
func batched(graph *goka.GroupGraph, deliver goka.ProcessCallback) *goka.GroupGraph {
	var all []goka.Edge
	for _, e := range graph.InputStreams() {
		all = append(all, goka.Input(goka.Stream(e.Topic()), e.Codec(), deliver))
	}
	if l := graph.LoopStream(); l != nil {
		all = append(all, goka.Loop(l.Codec(), deliver))
	}
	all = append(all, graph.OutputStreams()...)
	if t := graph.GroupTable(); t != nil {
		all = append(all, goka.Persist(t.Codec()))
	}
	return goka.DefineGroup(graph.Group(), all...)
}

// readCallback reads what goka.Input was given: no method of goka's tells it.
// Another version of goka may have it elsewhere; then New says so.
func readCallback(edge goka.Edge) (goka.ProcessCallback, error) {
	v := reflect.ValueOf(edge)
	if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		if f := v.Elem().FieldByName("cb"); f.IsValid() && f.Type() == reflect.TypeFor[goka.ProcessCallback]() {
			if call := *(*goka.ProcessCallback)(f.Addr().UnsafePointer()); call != nil {
				return call, nil
			}
			return nil, fmt.Errorf("the input %s has no callback", edge.Topic())
		}
	}
	return nil, fmt.Errorf("the callback of %s is not where goka v1.1 keeps it (%T): use the version of goka in go.mod", edge.Topic(), edge)
}

// checkOptions checks what readHeaders relies on.
func checkOptions() error {
	t := reflect.TypeFor[goka.ContextOption]().In(0).Elem()
	if t.Kind() != reflect.Struct || t.NumField() != 1 || t.Field(0).Type != reflect.TypeFor[goka.Headers]() {
		return fmt.Errorf("options of a context (%s) are not what goka v1.1 has: use the version of goka in go.mod", t)
	}
	return nil
}

// headersIn are those of goka.WithCtxEmitHeaders, nil without.
func headersIn(options []goka.ContextOption) goka.Headers {
	if len(options) == 0 {
		return nil
	}
	return readHeaders(options)
}

// readHeaders applies the options to a T, which is goka's own type: a struct
// with the headers as its only field.
func readHeaders[T any, O ~func(*T)](options []O) goka.Headers {
	applied := new(T)
	for _, o := range options {
		o(applied)
	}
	return *(*goka.Headers)(unsafe.Pointer(applied)) //nolint:gosec // New has checked the type
}
