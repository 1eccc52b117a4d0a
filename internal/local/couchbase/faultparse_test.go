package couchbase_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
)

func TestParseFaults(t *testing.T) {
	type f = couchbase.Fault
	for text, want := range map[string][]couchbase.Fault{
		"timeout-after:10%,slow:1%:200ms": {f{Kind: couchbase.FaultTimeoutAfter, Rate: 0.1}, f{Kind: couchbase.FaultSlow, Rate: 0.01, Delay: 200 * time.Millisecond}},
		" busy:1 , locked:0.25":           {f{Kind: couchbase.FaultBusy, Rate: 1}, f{Kind: couchbase.FaultLocked, Rate: 0.25}},
		"failover:100:1m":                 {f{Kind: couchbase.FaultFailover, Lost: 100, Delay: time.Minute}},
	} {
		if got, err := couchbase.ParseFaults(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "no such kind", "timeout:1%": "timeout-before", "busy": "write kind:share", "busy:101%": "no share", "busy:-1": "no share", "busy:NaN": "no share",
		"busy:x": "no share", "busy:1%:5s": "write kind:share", "slow:1%": "slow:share:delay", "slow:1%:soon": "is no time", "slow:1%:-1s": "is no time",
		"failover:1m": "failover:writes:interval", "failover:0:1m": "no number of writes", "busy:1%,": "no such kind",
	} {
		if got, err := couchbase.ParseFaults(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, name := range couchbase.FaultKinds() {
		rest := ":50%"
		switch name {
		case "slow":
			rest = ":50%:1s"
		case "failover":
			rest = ":5:1s"
		}
		if got, err := couchbase.ParseFaults(name + rest); err != nil || len(got) != 1 || got[0].Kind.String() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
