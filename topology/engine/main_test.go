package engine_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	if os.Getenv(sizeEnv) != "" {
		sizeChild()
		return
	}
	// These tests wait more than they work.
	_ = flag.Set("test.parallel", "6")
	// leveldb's goroutine stays for a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}
