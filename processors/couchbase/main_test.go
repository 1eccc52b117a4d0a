package couchbase

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// leveldb's goroutine stays for a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}
