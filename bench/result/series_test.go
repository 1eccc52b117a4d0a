package result_test

import (
	"reflect"
	"testing"

	"customer360/bench/result"
)

func TestCasesAreTheSettingsThatOneContenderVaries(t *testing.T) {
	row := func(contender, settings string, round int32, value float64) result.Row {
		return result.Row{Benchmark: "latency", Contender: contender, Metric: "latency_p99", Unit: "ms", Settings: settings, Round: round, Value: value}
	}
	rows := []result.Row{
		row("customer360", `{"rate":5000,"keys":10}`, 1, 4),
		row("customer360", `{"rate":15000,"keys":10}`, 1, 5),
		row("streams-eos", `{"rate":5000,"keys":10,"heap_mib":256}`, 1, 9), // its heap makes no case
		row("customer360", `{"rate":5000,"keys":10}`, 2, 8),
		row("customer360", `{"rate":5000,"keys":10}`, 3, 1),
	}
	d := result.Cases(rows)
	if want := (result.Dimensions{"latency": {"rate"}}); !reflect.DeepEqual(d, want) {
		t.Fatalf("%v, want %v", d, want)
	}
	series := result.Group(rows, d)
	if len(series) != 3 {
		t.Fatalf("%+v", series)
	}
	first := series[0]
	if first.Case != "rate=5000" || !reflect.DeepEqual(first.Values, []float64{4, 8, 1}) || !reflect.DeepEqual(first.Rounds, []int32{1, 2, 3}) {
		t.Errorf("%+v", first)
	}
	if first.Median() != 4 || first.Min() != 1 || first.Max() != 8 {
		t.Errorf("median %v of %v to %v", first.Median(), first.Min(), first.Max())
	}
	if series[2].Case != first.Case {
		t.Errorf("the peer's case is %q", series[2].Case)
	}
	both := d.Join(result.Dimensions{"latency": {"keys", "rate"}, "sink": {"in_flight"}})
	if want := (result.Dimensions{"latency": {"keys", "rate"}, "sink": {"in_flight"}}); !reflect.DeepEqual(both, want) {
		t.Errorf("joined: %v", both)
	}
}

func TestAWordThatOnlySomeRowsHaveIsACase(t *testing.T) {
	var rows []result.Row
	for _, settings := range []string{`{"load":"backlog","records":10}`, `{"rate":5,"seconds":2}`, `{"rate":9,"seconds":2}`} {
		rows = append(rows, result.Row{Benchmark: "commit", Contender: "customer360", Metric: "pause_p99", Unit: "ms", Settings: settings})
	}
	var cases []string
	for _, s := range result.Group(rows, result.Cases(rows)) {
		cases = append(cases, s.Case)
	}
	if want := []string{"load=backlog", "rate=5", "rate=9"}; !reflect.DeepEqual(cases, want) {
		t.Errorf("%q, want %q", cases, want)
	}
}

func TestASettingThatGoesWithAnotherIsNoCase(t *testing.T) {
	var rows []result.Row
	for _, settings := range []string{
		`{"records":10,"keys":1,"warmup":3,"job":"a"}`, `{"records":50,"keys":2,"warmup":15,"job":"b"}`, `{"records":50,"keys":1,"warmup":15,"job":"b"}`} {
		rows = append(rows, result.Row{Benchmark: "merge", Contender: "customer360", Settings: settings})
	}
	if d, want := result.Cases(rows), []string{"keys", "records"}; !reflect.DeepEqual(d["merge"], want) {
		t.Errorf("%v, want %v", d, want)
	}
	if d, want := result.Cases(rows[:2]), []string{"keys"}; !reflect.DeepEqual(d["merge"], want) {
		t.Errorf("of two: %v, want %v", d, want)
	}
}

func TestWhatContendersNeverHaveAlikeIsNoCase(t *testing.T) {
	var rows []result.Row
	for _, r := range []result.Row{
		{Contender: "customer360", Settings: `{"keys":1,"gc":"GOGC=50"}`}, {Contender: "customer360", Settings: `{"keys":1,"gc":"GOGC=75"}`},
		{Contender: "customer360", Settings: `{"keys":2,"gc":"GOGC=75"}`}, {Contender: "streams-eos", Settings: `{"keys":1,"gc":"serial"}`}} {
		r.Benchmark = "merge"
		rows = append(rows, r)
	}
	if d, want := result.Cases(rows), []string{"keys"}; !reflect.DeepEqual(d["merge"], want) {
		t.Errorf("%v, want %v", d, want)
	}
	if d, want := result.Cases(rows[:3]), []string{"gc", "keys"}; !reflect.DeepEqual(d["merge"], want) {
		t.Errorf("of one contender: %v, want %v", d, want)
	}
}
