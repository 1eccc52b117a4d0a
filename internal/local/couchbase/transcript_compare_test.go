package couchbase_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// packet is an answer as it came.
type packet struct {
	opcode, datatype byte
	status           uint16
	opaque           uint32
	cas              uint64
	extras, key      []byte
	value            []byte
}

// compare lists in what an answer differs from the recorded one.
func (p *player) compare(q *wantedRequest, want *wantedResponse, got *packet, vbucket uint16, now time.Time) (diffs []string) {
	check := func(what string, err error) {
		if err != nil {
			diffs = append(diffs, what+": "+err.Error())
		}
	}
	check("status "+want.StatusName, p.meets(want.Status, uint64(got.status), 0, now))
	if len(diffs) > 0 {
		return diffs // the rest follows from it
	}
	if q.Name != "OBSERVE" && q.Name != "STAT" { // whose header has another meaning, or of which there are many
		check("CAS", p.meets(want.CAS, got.cas, vbucket, now))
	}
	if want.ErrorContext == "" {
		datatype, err := bitsOf(want.Datatype)
		check("datatype", firstError(err, unless(datatype == got.datatype, "want %v, got %d", want.Datatype, got.datatype)))
	}
	switch q.Name {
	case "OBSERVE":
		check("state", p.compareObserve(want, got, now))
	case "OBSERVE_SEQNO":
		check("state", p.compareObserveSeqno(want, got, vbucket, now))
	default:
		check("extras", p.compareExtras(q, want, got, vbucket, now))
		check("value", p.compareValue(q, want, got, vbucket, now))
	}
	return diffs
}

func (p *player) compareExtras(q *wantedRequest, want *wantedResponse, got *packet, vbucket uint16, now time.Time) error {
	rest, seen := got.extras, 0
	for _, field := range extrasOf(q.Name, true) {
		name, width, _ := strings.Cut(field, ":")
		size := int(width[0] - '0')
		symbol, ok := want.Extras[name]
		if !ok || size > len(rest) {
			continue
		}
		n := binary.BigEndian.Uint64(append(make([]byte, 8-size), rest[:size]...))
		rest, seen = rest[size:], seen+1
		if name == "collection" && strings.HasPrefix(symbol, "$") {
			symbol = fmt.Sprint(p.bound[symbol])
		}
		if err := p.meets(symbol, n, vbucket, now); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if name == "seqno" {
			if err := p.grows(vbucket, n); err != nil {
				return err
			}
		}
	}
	return unless(seen == len(want.Extras) && len(rest) == 0, "want %v, got %x", want.Extras, got.extras)
}

var (
	scramFirst = regexp.MustCompile(`^r=[^,]+,s=[^,]+,i=\d+$`)
	logRef     = "(a reference for the log)"
)

func (p *player) compareValue(q *wantedRequest, want *wantedResponse, got *packet, vbucket uint16, now time.Time) error {
	value := string(got.value)
	switch {
	case want.ErrorContext != "":
		return compareContext(want.ErrorContext, got.value)
	case want.ValueShape != nil:
		return compareShape(q, want.ValueShape, got.value)
	case want.Features != nil:
		return compareFeatures(want.Features, got.value)
	case want.Specs != nil:
		return p.compareSpecs(q, want.Specs, got.value, vbucket, now)
	case want.ValueBase64 != nil:
		return unless(string(want.ValueBase64) == value, "want %x, got %x", want.ValueBase64, value)
	case q.Name == "STAT":
		return unless((want.Value != "") == (p.statistics > 0), "want %q, got %d packets", want.Value, p.statistics)
	case strings.HasPrefix(want.Value, "r=$"):
		return unless(scramFirst.MatchString(value), "got %q", value)
	case want.Value == "v=$proof":
		p.scram.Step(got.value)
		return firstError(p.scram.Err(), unless(strings.HasPrefix(value, "v="), "got %q", value))
	case q.Name == "INCREMENT" || q.Name == "DECREMENT":
		if want.Value != "" && len(value) == 8 {
			value = strconv.FormatUint(binary.BigEndian.Uint64(got.value), 10)
		}
	}
	return p.text(want.Value, value, vbucket, now)
}

// compareContext also compares the words of an error.
func compareContext(want string, value []byte) error {
	var body struct {
		Error struct{ Context, Ref string }
	}
	if err := json.Unmarshal(value, &body); err != nil {
		return fmt.Errorf("want the context %q: %w", want, err)
	}
	if want == logRef {
		return unless(body.Error.Ref != "", "no reference: %s", value)
	}
	return unless(body.Error.Context == want, "want the context %q, got %q", want, body.Error.Context)
}

func compareFeatures(want []string, value []byte) error {
	var codes []uint16
	for ; len(value) >= 2; value = value[2:] {
		codes = append(codes, binary.BigEndian.Uint16(value))
	}
	var wanted []uint16
	for _, f := range want {
		wanted = append(wanted, featureCodes[f])
	}
	return unless(slices.Equal(codes, wanted), "want %d, got %d", wanted, codes)
}

func (p *player) compareSpecs(q *wantedRequest, want []wantedResult, value []byte, vbucket uint16, now time.Time) error {
	mutation := q.Name == "SUBDOC_MULTI_MUTATION"
	for i, w := range want {
		if mutation {
			if len(value) < 3 || int(value[0]) != *w.Index {
				return fmt.Errorf("want the result of operation %d, got %x", *w.Index, value)
			}
			value = value[1:]
		}
		if len(value) < 2 {
			return fmt.Errorf("want %d results, got %d", len(want), i)
		}
		status := binary.BigEndian.Uint16(value)
		if err := p.meets(w.Status, uint64(status), 0, now); err != nil {
			return fmt.Errorf("operation %d, %s: %w", i, w.StatusName, err)
		}
		value = value[2:]
		if mutation && status != 0 {
			break // the one that failed is the last
		}
		if len(value) < 4 || len(value)-4 < int(binary.BigEndian.Uint32(value)) {
			return fmt.Errorf("operation %d: the value is cut off", i)
		}
		end := 4 + int(binary.BigEndian.Uint32(value))
		if err := p.text(w.Value, string(value[4:end]), vbucket, now); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
		value = value[end:]
	}
	return unless(len(value) == 0, "%x is too much", value)
}

func (p *player) compareObserve(want *wantedResponse, got *packet, now time.Time) error {
	if len(got.value) < 13 {
		return fmt.Errorf("%d bytes are too few", len(got.value))
	}
	state, cas := got.value[len(got.value)-9], binary.BigEndian.Uint64(got.value[len(got.value)-8:])
	if want.Extras["state"] != "found" {
		return unless(state&0x80 != 0, "want it not found, got 0x%x", state)
	}
	return firstError(unless(state < 2, "want it found, got 0x%x", state), p.meets(want.Extras["cas"], cas, 0, now))
}

func (p *player) compareObserveSeqno(want *wantedResponse, got *packet, vbucket uint16, now time.Time) error {
	if want.Extras == nil || len(got.value) != 27 {
		return unless(want.Extras == nil && len(got.value) == 0, "want %v, got %x", want.Extras, got.value)
	}
	return firstError(p.meets(want.Extras["format"], uint64(got.value[0]), 0, now),
		p.meets(want.Extras["vbucket_uuid"], binary.BigEndian.Uint64(got.value[3:]), 0, now),
		p.meets(want.Extras["current_seqno"], binary.BigEndian.Uint64(got.value[19:]), vbucket, now))
}

// compareShape compares names and types of JSON. Of the cluster map it looks at
// what SDKs read, of the error map at one entry, of an array at the first element.
func compareShape(q *wantedRequest, want any, value []byte) error {
	var got any
	if err := json.Unmarshal(value, &got); err != nil {
		return err
	}
	if m, ok := got.(map[string]any); ok && q.Name == "GET_ERROR_MAP" {
		m["errors"] = map[string]any{"$code": m["errors"].(map[string]any)["1"]}
	}
	if got = shapeOf(got); !reflect.DeepEqual(want, got) {
		return fmt.Errorf("want the shape %v, got %v", want, got)
	}
	return nil
}

func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = shapeOf(member)
		}
		return v
	case []any:
		if len(v) > 0 {
			v = []any{shapeOf(v[0])}
		}
		return v
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "string"
}
