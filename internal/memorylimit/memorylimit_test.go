package memorylimit

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func failing(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }

func TestSet(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetMemoryLimit(limit); debug.SetGCPercent(percent) })
	for name, c := range map[string]struct {
		container   memlimit.Provider
		most        int64
		environment map[string]string
		before      int // GOGC as the runtime read it
		want        Choice
		limit       int64
		log         string
	}{
		"a container's": {memlimit.Limit(1000 << 20), 0, nil, 100, Choice{900 << 20, "container", GCPercent, "default"}, 900 << 20,
			"gomemlimit_bytes=943718400 gomemlimit_from=container"},
		"none": {failing(memlimit.ErrNoLimit), 0, nil, 100, Choice{0, "none", GCPercent, "default"}, math.MaxInt64,
			"gomemlimit_bytes=0 gomemlimit_from=none"},
		"lower than most":  {memlimit.Limit(1000 << 20), 901 << 20, nil, 100, Choice{900 << 20, "container", GCPercent, "default"}, 900 << 20, ""},
		"higher than most": {memlimit.Limit(1000 << 20), 899 << 20, nil, 100, Choice{899 << 20, "default", GCPercent, "default"}, 899 << 20, ""},
		"only most":        {failing(memlimit.ErrNoCgroup), 1 << 30, nil, 100, Choice{1 << 30, "default", GCPercent, "default"}, 1 << 30, ""},
		"another system":   {failing(memlimit.ErrCgroupsNotSupported), 0, nil, 100, Choice{0, "none", GCPercent, "default"}, math.MaxInt64, ""},
		"unreadable": {failing(errors.New("permission denied")), 0, nil, 100, Choice{0, "none", GCPercent, "default"}, math.MaxInt64,
			`level=WARN msg="the container's memory limit cannot be read: set GOMEMLIMIT to 90% of it, if there is one" error="permission denied"`},
		"the environment's": {memlimit.Limit(1000 << 20), 0, map[string]string{"GOMEMLIMIT": "64GiB", "GOGC": "33"}, 33,
			Choice{math.MaxInt64, "environment", 33, "environment"}, math.MaxInt64, "gogc=33 gogc_from=environment"},
		"off": {memlimit.Limit(1000 << 20), 0, map[string]string{"GOGC": "off"}, -1,
			Choice{900 << 20, "container", -1, "environment"}, 900 << 20, "gogc=-1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []string{"GOMEMLIMIT", "GOGC"} {
				t.Setenv(v, c.environment[v])
			}
			debug.SetMemoryLimit(math.MaxInt64)
			debug.SetGCPercent(c.before)
			var log bytes.Buffer
			got, restore := set(slog.New(slog.NewTextHandler(&log, nil)), c.most, c.container)
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if l, p := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); l != c.limit || p != c.want.GCPercent {
				t.Errorf("the runtime has %d and %d", l, p)
			}
			restore()
			if l, p := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); l != math.MaxInt64 || p != c.before {
				t.Errorf("restored to %d and %d", l, p)
			}
			if !strings.Contains(log.String(), c.log) || strings.Count(log.String(), "msg=memory ") != 1 {
				t.Errorf("%s, want %s", log.String(), c.log)
			}
		})
	}
}
