package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kfake"
)

// errDisk is the kind of every error that ends the broker for its disk's sake.
var errDisk = errors.New("the embedded Kafka broker stops before it would lose what it acknowledges")

// watch is kfake's logger. kfake logs a failed write before it answers the
// request, from the one goroutine that owns all its state. So the watch takes
// the connections away and ends that goroutine: no answer leaves, nothing else
// is written, and the folder is as kill -9 would have left it, which kfake reads
// back well. What stays behind is a goroutine or two until the process ends.
//
// Closing the cluster instead would save its memory, and that is wrong by then:
// a transaction whose abort marker was not written counts as committed there.
//
// kfake does not look at the errors of fsync; nor can the watch.
type watch struct {
	log    *slog.Logger
	cut    func()
	armed  atomic.Bool
	failed chan error // the first failure
}

func newWatch(log *slog.Logger, cut func()) *watch {
	return &watch{log: log, cut: cut, failed: make(chan error, 1)}
}

// arm is called when the folder is open: what is logged before comes from other
// goroutines, and fails in the open.
func (w *watch) arm() { w.armed.Store(true) }

// Logf implements kfake.Logger.
func (w *watch) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn {
		return
	}
	message := fmt.Sprintf(format, args...)
	if strings.HasPrefix(format, "txn: EndTxn slow") {
		return // its limit of 5 ms is below what a transaction's fsyncs take
	}
	if !w.armed.Load() || !loses(format) {
		w.log.Warn("the embedded Kafka broker", "says", message)
		return
	}
	w.fail(fmt.Errorf("%w: a write failed: %s", errDisk, message))
}

// fail is called from kfake's own goroutine, or one it waits for. It does not
// return.
func (w *watch) fail(err error) {
	select {
	case w.failed <- err:
	default:
	}
	w.cut()
	runtime.Goexit()
}

// loses tells the failures after which kfake answers as if nothing had happened.
func loses(format string) bool {
	for _, start := range []string{"persist ", "endTx: failed", "rebuildSegments "} {
		if strings.HasPrefix(format, start) {
			return true
		}
	}
	return false
}
