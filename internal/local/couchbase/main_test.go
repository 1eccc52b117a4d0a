package couchbase_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// crashDirEnv makes the test binary a node in that folder, to be killed (see TestKill).
const crashDirEnv = "COUCHBASE_TEST_NODE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		if err := serveUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// goleveldb ends this goroutine of its own a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}
