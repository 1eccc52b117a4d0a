// Package memorylimit sets Go's garbage collector for a process that holds much
// that lives long (caches of states, leveldb's buffers): GOMEMLIMIT from the
// container's memory limit, and GOGC from a measurement. What the environment sets
// is left as it is.
package memorylimit

import (
	"errors"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// GCPercent is GOGC where the environment has none. Merge of 300,000 records under
	// 100,000 keys, two interleaved rounds on a loaded machine, CPU seconds and peak
	// RSS in MiB: 200: 4.1, 4.5 and 627, 623; 100: 5.3, 4.9 and 482, 536; 75: 4.7, 4.7
	// and 450, 471; 50: 4.0, 4.6 and 414, 447; a third round had 50: 4.4 and 456,
	// 25: 5.2 and 383. So 50 saves memory at no cost in CPU
	// that shows beside the noise: what lives long is bytes without pointers, and
	// cheap to mark.
	GCPercent = 50

	// share of the container's limit that is Go's: the rest is for the binary's
	// pages, thread stacks of the system and what the kernel counts as ours.
	share = 0.9
)

// Choice is what was chosen, and by whom.
type Choice struct {
	LimitBytes  int64  // GOMEMLIMIT; 0: none
	LimitSource string // environment, container, default or none
	GCPercent   int    // GOGC; -1: off
	GCSource    string // environment or default
}

// Set sets GOMEMLIMIT and GOGC of this process and writes one line to log: what was
// chosen, and why. most is a limit in bytes for a process without a lower one, 0:
// none. A limit of the container that cannot be read is a warning: the process
// works without. restore sets both back.
func Set(log *slog.Logger, most int64) (c Choice, restore func()) {
	return set(log, most, memlimit.FromCgroup)
}

func set(log *slog.Logger, most int64, container memlimit.Provider) (c Choice, restore func()) {
	limitBefore, percentBefore := debug.SetMemoryLimit(-1), debug.SetGCPercent(GCPercent)
	restore = func() { debug.SetMemoryLimit(limitBefore); debug.SetGCPercent(percentBefore) }
	c = Choice{GCPercent: GCPercent, GCSource: "default"}
	if isSet("GOGC") {
		c.GCPercent, c.GCSource = percentBefore, "environment"
		debug.SetGCPercent(percentBefore)
	}
	if c.LimitBytes, c.LimitSource = limitBefore, "environment"; !isSet("GOMEMLIMIT") {
		if c.LimitBytes, c.LimitSource = choose(log, most, container); c.LimitBytes > 0 {
			debug.SetMemoryLimit(c.LimitBytes)
		}
	}
	log.Info("memory", "gomemlimit_bytes", c.LimitBytes, "gomemlimit_from", c.LimitSource, "gogc", c.GCPercent, "gogc_from", c.GCSource)
	return c, restore
}

// choose is the lower one of most and the container's share.
func choose(log *slog.Logger, most int64, container memlimit.Provider) (limit int64, source string) {
	contained, err := memlimit.ApplyRatio(container, share)()
	switch {
	case err == nil && (most <= 0 || contained < uint64(most)):
		return int64(contained), "container"
	case err != nil && !errors.Is(err, memlimit.ErrNoLimit) && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported):
		log.Warn("the container's memory limit cannot be read: set GOMEMLIMIT to 90% of it, if there is one", "error", err)
	}
	if most > 0 {
		return most, "default"
	}
	return 0, "none"
}

func isSet(name string) bool { return os.Getenv(name) != "" }
