package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// With a Couchbase that fails as --fault says, the documents are those of a calm run.
func TestUpWithFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const customers = 200
	r := finish(t, command(append([]string{"up", "--once", "--dir", dir, "--customers", fmt.Sprint(customers),
		"--fault", "temporary:10%,timeout-after:0.5%,close-after:0.1%,slow:1%:50ms,not-my-vbucket:1%"}, anyPorts...)...), 3*time.Minute)
	if r.code != 0 || !strings.Contains(r.err, "the embedded Couchbase fails as it is told") {
		t.Fatalf("exit %d\n%s", r.code, tail(r.err))
	}
	compare(t, documents(t, dir, "customer360"), expected(t, dir, customers))
	bad := command("up", "--dir", t.TempDir(), "--fault", "timeout:10%")
	if r := finish(t, bad, time.Minute); r.code != 2 || !strings.Contains(r.err, "timeout-before") {
		t.Errorf("a fault that is none: %+v", r)
	}
}
