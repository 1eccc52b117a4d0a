package pipeline

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	if text := os.Getenv(asPipeline); text != "" {
		os.Exit(child(text))
	}
	if text := os.Getenv(asImporter); text != "" {
		os.Exit(importUntilKilled(text))
	}
	// These tests wait more than they work.
	_ = flag.Set("test.parallel", "10")
	// leveldb's goroutine stays for a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}
