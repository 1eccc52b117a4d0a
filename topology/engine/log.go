package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// gokaLog takes goka's messages to the debug level: what operators need to
// know, the engine says itself. Keys are cut out there too.
type gokaLog struct{ log *slog.Logger }

func (g gokaLog) enabled() bool { return g.log.Enabled(context.Background(), slog.LevelDebug) }

func (g gokaLog) Print(args ...any) {
	if g.enabled() {
		g.log.Debug("goka: " + strings.TrimSpace(withoutKeys(fmt.Sprint(args...))))
	}
}

func (g gokaLog) Println(args ...any) { g.Print(args...) }

func (g gokaLog) Printf(format string, args ...any) {
	if g.enabled() {
		g.log.Debug("goka: " + strings.TrimSpace(withoutKeys(fmt.Sprintf(format, args...))))
	}
}

// kgoLog does the same for the Kafka client's warnings.
type kgoLog struct{ log *slog.Logger }

func (k kgoLog) Level() kgo.LogLevel {
	if k.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelWarn
	}
	return kgo.LogLevelNone
}

func (k kgoLog) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	k.log.Debug("kafka client: "+msg, keyvals...)
}
