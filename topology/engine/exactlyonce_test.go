package engine_test

import (
	"testing"
	"time"
)

func TestOneInstance(t *testing.T) {
	b, dir := startBroker(t), t.TempDir()
	generate(t, b.Addr, 0, 5000, 100, 0)
	r := startJob(t, b, dir, "a")
	awaitEnd(t, b.Addr, jobGroup, 20*time.Second, jobIn)
	eventually(t, 10*time.Second, r.Ready, func() string { return "not ready" })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	verify(t, b.Addr, dir, 5000, 100)
}
