package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A rebuild as its user sees it, beside `up`: what is refused, with which exit
// code; another pass mode built, promoted, and kept over a restart of `up`.
func TestRebuildOfARun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	stop := start(t, dir)
	do := func(args ...string) result {
		t.Helper()
		return finish(t, command(append(args, "--dir", dir)...), 2*time.Minute)
	}
	want := func(code int, text string, args ...string) {
		t.Helper()
		r := do(args...)
		if r.code != code || !strings.Contains(r.out+r.err, text) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s\n%s", args, r.code, code, text, r.out, tail(r.err))
		}
	}
	const matthew = "matthew.groves@couchbase.com"
	eventually(t, 2*time.Minute, func() result { return do("get", matthew) }, func(r result) bool {
		return r.code == 0 && strings.Contains(r.out, "online_store") && strings.Contains(r.out, "home_delivery")
	})
	config := filepath.Join(dir, "customer360.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "pass: keep", "pass: hash", 1)
	if changed == string(text) {
		t.Fatal("the configuration has no pass: keep")
	}
	next := filepath.Join(dir, "next.yaml") // paths in it are relative to it
	if err := os.WriteFile(next, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, usage := range [][]string{{"rebuild", "--source", "loyalty"}, {"rebuild", "--source", "none", "--from-offset", "0=1"}, {"rebuild", "--from-time", "yesterday"},
		{"rebuild", "--from-offset", "0"}, {"rebuild", "--from-offset", "0=1", "--from-time", "2026-11-26T02:00:00Z"}, {"generations", "remove", "one"}} {
		want(2, "", usage...)
	}
	want(3, "no generation is being built", "rebuild", "promote")
	want(3, "no generation is being built", "rebuild", "abandon")
	want(3, "generation 1 is serving", "generations", "remove", "1")
	want(1, "there is none", "generations", "remove", "9")
	want(3, "has no partition 99", "rebuild", "--from-offset", "99=0", "--config", next)
	want(0, "generation 2 is ready", "rebuild", "--config", next)
	want(3, `pass was "hash" and is now "keep"`, "rebuild")
	want(0, "generation 2 is abandoned", "rebuild", "abandon")
	want(0, "generation 3 is ready", "rebuild", "--config", next)

	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	want(0, "generation 3 serves, generation 1 is retired", "rebuild", "promote")
	eventually(t, 2*time.Minute, func() result { return do("get", matthew) }, func(r result) bool {
		return r.code == 0 && strings.Contains(r.out, `"pass":"sha256:`)
	})
	eventually(t, 2*time.Minute, func() result { return do("generations", "remove", "1") }, func(r result) bool { return r.code == 0 })
	want(0, "generation 1 is removed", "generations", "remove", "1") // again
	want(0, "customer360.documents.g2", "generations", "remove", "2")
	r := do("generations", "list", "--output", "json")
	var list []struct {
		Number int
		State  string
	}
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 3 || list[0].State != "removed" || list[1].State != "removed" || list[2].State != "serving" {
		t.Errorf("%v in %s", err, r.out)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "state", "*", "*.g[12]")); err != nil || len(left) > 0 {
		t.Errorf("local state is left: %v, %v", left, err)
	}
	want(0, "all ", "topics", "check")
	stop()
	stop = start(t, dir)
	eventually(t, 2*time.Minute, func() result { return do("generations", "list") }, func(r result) bool {
		return r.code == 0 && strings.Contains(r.out, "serving")
	})
	stop()
}
