package subdoc_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/couchbase/gocbcore/v10/memd"
	"pgregory.net/rapid"

	"customer360/internal/local/couchbase/subdoc"
)

const (
	ok       = memd.StatusSuccess
	notFound = memd.StatusSubDocPathNotFound
	mismatch = memd.StatusSubDocPathMismatch
	badPath  = memd.StatusSubDocPathInvalid
	cannot   = memd.StatusSubDocCantInsert
	exists   = memd.StatusSubDocPathExists
)

const sample = `{"name":"a","n":1,"list":[1,2,3],"deep":{"x":{"y":true}}, "do.t" : "q\"}", "e\u0041":5, "empty":{}, "none":[]}`

func TestGet(t *testing.T) {
	for path, want := range map[string]string{
		"name": `"a"`, "n": "1", "list[0]": "1", "list[-1]": "3", "deep.x": `{"y":true}`, "deep.x.y": "true",
		"`do.t`": `"q\"}"`, "eA": "5", "empty": "{}", "": sample,
	} {
		parsed, s := subdoc.ParsePath(path)
		got, s2 := subdoc.Get([]byte(sample), parsed)
		if s != ok || s2 != ok || string(got) != want {
			t.Errorf("%q: %s, %v, %v", path, got, s, s2)
		}
	}
	for path, want := range map[string]memd.StatusCode{
		"no": notFound, "list[3]": notFound, "none[-1]": notFound, "empty.x": notFound, "deep.no.y": notFound,
		"name.x": mismatch, "list.x": mismatch, "deep[0]": mismatch, "n[0]": mismatch,
	} {
		parsed, s := subdoc.ParsePath(path)
		if _, got := subdoc.Get([]byte(sample), parsed); s != ok || got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

func TestParsePath(t *testing.T) {
	for path, want := range map[string]memd.StatusCode{
		"a": ok, "a.b": ok, "a[1][2].b": ok, "[0]": ok, "`a``b`.c": ok, "a[-1]": ok,
		"a..b": badPath, ".a": badPath, "a.": badPath, "a[": badPath, "a[x]": badPath, "a[-2]": badPath, "a]": badPath, "a[0]b": badPath,
		"`a": badPath, "``": badPath, "a`b": badPath, "`a`b": badPath, "a[99999999999]": badPath, "[0": badPath,
		strings.Repeat("a", 1025):      memd.StatusSubDocPathTooBig,
		strings.Repeat("a.", 32) + "a": memd.StatusSubDocPathTooBig,
		strings.Repeat("a.", 31) + "a": ok,
	} {
		if _, got := subdoc.ParsePath(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for path, want := range map[string]int{"": 8, "list": 3, "deep": 1, "empty": 0, "none": 0} {
		parsed, _ := subdoc.ParsePath(path)
		if got, s := subdoc.Count([]byte(sample), parsed); s != ok || got != want {
			t.Errorf("%q: %d, %v", path, got, s)
		}
	}
	parsed, _ := subdoc.ParsePath("n")
	if _, s := subdoc.Count([]byte(sample), parsed); s != mismatch {
		t.Errorf("a number's children: %v", s)
	}
}

func TestMutate(t *testing.T) {
	const add, set, del, rep = memd.SubDocOpDictAdd, memd.SubDocOpDictSet, memd.SubDocOpDelete, memd.SubDocOpReplace
	const last, first, ins, uniq = memd.SubDocOpArrayPushLast, memd.SubDocOpArrayPushFirst, memd.SubDocOpArrayInsert, memd.SubDocOpArrayAddUnique
	const counter = memd.SubDocOpCounter
	for _, c := range []struct {
		doc    string
		op     memd.SubDocOpType
		path   string
		value  string
		mkdirP bool
		want   string // the document
		status memd.StatusCode
	}{
		{`{}`, set, "a", `1`, false, `{"a":1}`, ok},
		{`{ }`, set, "a", `1`, false, `{"a":1 }`, ok},
		{`{"a":1}`, set, "a", `[2]`, false, `{"a":[2]}`, ok},
		{`{"a":1 }`, set, "b", `2`, false, `{"a":1,"b":2 }`, ok},
		{`{"a":1}`, add, "a", `2`, false, ``, exists},
		{`{"a":1}`, add, "b\"", `2`, false, `{"a":1,"b\"":2}`, ok},
		{`{}`, set, "a.b.c", `1`, false, ``, notFound},
		{`{}`, set, "a.b.c", `1`, true, `{"a":{"b":{"c":1}}}`, ok},
		{`{}`, set, "a[0].c", `1`, true, ``, notFound},
		{`{"a":1}`, set, "a.b", `1`, true, ``, mismatch},
		{`{"a":[1]}`, set, "a[0]", `2`, false, ``, badPath},
		{`{}`, set, "", `2`, false, ``, badPath},
		{`{}`, set, "a", `nope`, false, ``, cannot},
		{`{}`, set, "a", ``, false, ``, cannot},
		{`{"a":[1,2]}`, rep, "a[-1]", `9`, false, `{"a":[1,9]}`, ok},
		{`{"a":1}`, rep, "b", `9`, false, ``, notFound},
		{`{"a":1,"b":2,"c":3}`, del, "a", ``, false, `{"b":2,"c":3}`, ok},
		{`{"a":1,"b":2,"c":3}`, del, "b", ``, false, `{"a":1,"c":3}`, ok},
		{`{"a":1, "b":2 , "c":3}`, del, "c", ``, false, `{"a":1, "b":2 }`, ok},
		{`{ "a" : 1 }`, del, "a", ``, false, `{  }`, ok},
		{`[1,2,3]`, del, "[-1]", ``, false, `[1,2]`, ok},
		{`[1]`, del, "[0]", ``, false, `[]`, ok},
		{`[]`, last, "", `1,2`, false, `[1,2]`, ok},
		{`[1]`, last, "", `2`, false, `[1,2]`, ok},
		{`[1]`, last, "", `2,`, false, ``, cannot},
		{`[1]`, last, "", ` `, false, ``, cannot},
		{`[1]`, first, "", `0`, false, `[0,1]`, ok},
		{`[ ]`, first, "", `0`, false, `[0 ]`, ok},
		{`{}`, last, "l", `1,2`, true, `{"l":[1,2]}`, ok},
		{`{}`, last, "l", `1`, false, ``, notFound},
		{`{"l":1}`, last, "l", `1`, false, ``, mismatch},
		{`[1,3]`, ins, "[1]", `2`, false, `[1,2,3]`, ok},
		{`[1]`, ins, "[1]", `2`, false, `[1,2]`, ok},
		{`[]`, ins, "[0]", `2,3`, false, `[2,3]`, ok},
		{`[1]`, ins, "[2]", `2`, false, ``, notFound},
		{`[1]`, ins, "[-1]", `2`, false, ``, badPath},
		{`{"a":[1]}`, ins, "a", `2`, false, ``, badPath},
		{`[1,"x"]`, uniq, "", `"y"`, false, `[1,"x","y"]`, ok},
		{`[1,"x"]`, uniq, "", `"x"`, false, ``, exists},
		{`[{}]`, uniq, "", `1`, false, ``, mismatch},
		{`[1]`, uniq, "", `{}`, false, ``, cannot},
		{`{"n":5}`, counter, "n", `-7`, false, `{"n":-2}`, ok},
		{`{}`, counter, "n", `3`, false, `{"n":3}`, ok},
		{`{}`, counter, "a.n", `3`, true, `{"a":{"n":3}}`, ok},
		{`{"n":5}`, counter, "n", `0`, false, ``, memd.StatusSubDocBadDelta},
		{`{"n":5}`, counter, "n", `1.5`, false, ``, memd.StatusSubDocBadDelta},
		{`{"n":1.5}`, counter, "n", `1`, false, ``, mismatch},
		{`{"n":9223372036854775807}`, counter, "n", `1`, false, ``, cannot},
		{`{"n":-9223372036854775808}`, counter, "n", `-1`, false, ``, cannot},
		{`{"n":99999999999999999999}`, counter, "n", `1`, false, ``, memd.StatusSubDocBadRange},
	} {
		path, s := subdoc.ParsePath(c.path)
		if s != ok {
			t.Fatalf("%q: %v", c.path, s)
		}
		doc := []byte(c.doc)
		got, _, s := subdoc.Mutate(doc, subdoc.Mutation{Op: c.op, Path: path, Value: []byte(c.value), MkdirP: c.mkdirP})
		if s != c.status || string(got) != c.want {
			t.Errorf("0x%x %q of %s: %s, %v, want %s, %v", c.op, c.path, c.doc, got, s, c.want, c.status)
		}
		if string(doc) != c.doc {
			t.Errorf("0x%x %q wrote into its document: %s", c.op, c.path, doc)
		}
	}
}

func TestCanonical(t *testing.T) {
	for doc, want := range map[string]string{
		` { "b" : [ 1 , {"z":1, "a" :2.50} ] , "a":"x y" } `: `{"a":"x y","b":[1,{"a":2.50,"z":1}]}`,
		`5`: `5`, `{}`: `{}`, `{"v":1}`: `{"v":1}`, `{"b\u0061":1,"ba":2,"aa":3}`: `{"aa":3,"b\u0061":1,"ba":2}`,
	} {
		if got := string(subdoc.Canonical([]byte(doc))); got != want {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
	}
}

// jsonValue draws a JSON value as Go has it, nested up to depth.
func jsonValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 3
		if depth > 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return float64(rapid.IntRange(-9, 9).Draw(t, "number"))
		case 1:
			return rapid.StringN(0, 4, -1).Draw(t, "string")
		case 2:
			return rapid.SampledFrom([]any{nil, true, false}).Draw(t, "literal")
		case 3:
			return rapid.SliceOfN(jsonValue(depth-1), 0, 3).Draw(t, "array")
		}
		return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", `c"`, "d.e", "é"}), jsonValue(depth-1), 0, 4).Draw(t, "object")
	})
}

// What is set is what is got, the rest stays, deleting brings the document
// back, and whatever comes out is JSON.
func TestSetGetDelete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), jsonValue(3), 0, 3).Draw(t, "document")
		value := jsonValue(2).Draw(t, "value")
		doc, raw := marshal(t, before), marshal(t, value)
		if rapid.Bool().Draw(t, "spaced") {
			doc = indent(t, doc)
		}
		path, _ := subdoc.ParsePath("new.x.y")
		set, _, s := subdoc.Mutate(doc, subdoc.Mutation{Op: memd.SubDocOpDictSet, Path: path, Value: raw, MkdirP: true})
		if s != ok || !json.Valid(set) {
			t.Fatalf("set: %v, %s", s, set)
		}
		if got, s := subdoc.Get(set, path); s != ok || !slices.Equal(got, raw) {
			t.Fatalf("got %s, %v, want %s", got, s, raw)
		}
		gone, _, s := subdoc.Mutate(set, subdoc.Mutation{Op: memd.SubDocOpDelete, Path: path[:1]})
		if s != ok || !reflect.DeepEqual(unmarshal(t, gone), unmarshal(t, doc)) {
			t.Fatalf("after the deletion: %v, %s, want %s", s, gone, doc)
		}
		if canonical := subdoc.Canonical(doc); !reflect.DeepEqual(unmarshal(t, canonical), unmarshal(t, doc)) {
			t.Fatalf("canonical %s of %s", canonical, doc)
		}
	})
}

func marshal(t *rapid.T, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func indent(t *rapid.T, doc []byte) []byte {
	raw, err := json.MarshalIndent(json.RawMessage(doc), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unmarshal(t *rapid.T, doc []byte) (v any) {
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return v
}

// Nothing panics, whatever the document and the path.
func FuzzMutate(f *testing.F) {
	f.Add([]byte(sample), "deep.x.y", []byte(`1`), uint8(memd.SubDocOpDictSet))
	f.Add([]byte(`[1,[2,{"a":"\\"}]]`), "[1][1].a", []byte(``), uint8(memd.SubDocOpDelete))
	f.Add([]byte(`{"`), "`a``b`", []byte(`,`), uint8(memd.SubDocOpArrayAddUnique))
	f.Fuzz(func(t *testing.T, doc []byte, path string, value []byte, op uint8) {
		parsed, s := subdoc.ParsePath(path)
		if s != ok {
			return
		}
		valid := json.Valid(doc)
		subdoc.Get(doc, parsed)
		subdoc.Count(doc, parsed)
		subdoc.Canonical(doc)
		got, _, s := subdoc.Mutate(doc, subdoc.Mutation{Op: memd.SubDocOpType(op), Path: parsed, Value: value, MkdirP: true})
		if valid && s == ok && !json.Valid(got) {
			t.Errorf("%q 0x%x %q of %q gives %q", path, op, value, doc, got)
		}
	})
}
