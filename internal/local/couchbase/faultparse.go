package couchbase

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// faultKinds are the names of the kinds in texts.
func faultKinds() map[string]FaultKind {
	return map[string]FaultKind{
		"temporary": FaultTemporary, "busy": FaultBusy, "out-of-memory": FaultOutOfMemory,
		"timeout-before": FaultTimeoutBefore, "timeout-after": FaultTimeoutAfter,
		"close-before": FaultCloseBefore, "close-after": FaultCloseAfter,
		"not-my-vbucket": FaultNotMyVBucket, "locked": FaultLocked, "slow": FaultSlow, "failover": FaultFailover,
	}
}

// FaultKinds are the names that ParseFaults knows, sorted.
func FaultKinds() []string { return slices.Sorted(maps.Keys(faultKinds())) }

// String is the kind's name as ParseFaults reads it.
func (k FaultKind) String() string {
	for name, kind := range faultKinds() {
		if kind == k {
			return name
		}
	}
	return "unknown"
}

// ParseFaults reads a list like "timeout-after:10%,slow:1%:200ms,failover:100:1m":
// kind and share of the operations, for slow also the delay; for failover how
// many writes are lost and how often. A share is a percentage or 0 to 1.
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for part := range strings.SplitSeq(text, ",") {
		f, err := parseFault(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", part, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(text string) (f Fault, err error) {
	fields := strings.Split(text, ":")
	kind, known := faultKinds()[fields[0]]
	if !known {
		return f, fmt.Errorf("no such kind: use %s", strings.Join(FaultKinds(), ", "))
	}
	f.Kind = kind
	form := "kind:share, like " + fields[0] + ":10%"
	switch kind {
	case FaultSlow:
		form = "slow:share:delay, like slow:1%:200ms"
	case FaultFailover:
		form = "failover:writes:interval, like failover:100:1m"
	}
	timed := kind == FaultSlow || kind == FaultFailover
	if timed && len(fields) != 3 || !timed && len(fields) != 2 {
		return f, fmt.Errorf("write %s", form)
	}
	if timed {
		if f.Delay, err = time.ParseDuration(fields[2]); err != nil || f.Delay <= 0 {
			return f, fmt.Errorf("%q is no time: write %s", fields[2], form)
		}
	}
	if kind == FaultFailover {
		if f.Lost, err = strconv.Atoi(fields[1]); err != nil || f.Lost < 1 {
			return f, fmt.Errorf("%q is no number of writes: write %s", fields[1], form)
		}
		return f, nil
	}
	if f.Rate, err = parseShare(fields[1]); err != nil {
		return f, fmt.Errorf("%q is no share from 0 to 100%%: write %s", fields[1], form)
	}
	return f, nil
}

func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err == nil && !(share >= 0 && share <= 1) {
		err = strconv.ErrRange
	}
	return share, err
}
