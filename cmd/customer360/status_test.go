package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Status of a run as its user sees it: all groups with their one member while it
// runs, and a clear word when Kafka is gone with it.
func TestStatusOfARun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	stop := start(t, dir)
	var report struct {
		Groups []struct {
			Group   string
			Members []struct {
				Partitions []int32
				Says       *struct{ State string }
			}
		}
		Instances []struct{ Problem string }
	}
	eventually(t, 2*time.Minute, func() result {
		return finish(t, command("status", "--dir", dir, "--output", "json"), time.Minute)
	}, func(r result) bool {
		if r.code != 0 || json.Unmarshal([]byte(r.out), &report) != nil || len(report.Groups) != 8 || len(report.Instances) != 1 {
			return false
		}
		for _, g := range report.Groups {
			if len(g.Members) != 1 || len(g.Members[0].Partitions) != 12 || g.Members[0].Says == nil || g.Members[0].Says.State != "running" {
				return false
			}
		}
		return report.Instances[0].Problem == ""
	})
	if r := finish(t, command("status", "--dir", dir), time.Minute); r.code != 0 || !strings.Contains(r.out, "merge.g1") || !strings.Contains(r.out, "0-11") {
		t.Errorf("%+v", r)
	}
	stop()
	if r := finish(t, command("status", "--dir", dir), time.Minute); r.code != 1 || !strings.Contains(r.err, "kafka at 127.0.0.1:") {
		t.Errorf("without Kafka: %+v", r)
	}
}
