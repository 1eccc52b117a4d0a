package engine

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lease says until when the group's coordinator cannot have given our
// partitions away: it is a hook of the client that sees answers to JoinGroup,
// SyncGroup and Heartbeat. The coordinator starts its timer when a request
// arrives, which is after the answer before it was read here; so the lease runs
// from there.
type lease struct {
	timeout time.Duration

	mu       sync.Mutex
	previous time.Duration // when the last answer was read
	from     time.Duration
}

var _ kgo.HookBrokerRead = (*lease)(nil)

// OnBrokerRead is kgo's hook.
func (l *lease) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err != nil {
		return
	}
	switch kmsg.Key(key) {
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat:
		now := bootTime()
		l.mu.Lock()
		l.from, l.previous = l.previous, now
		l.mu.Unlock()
	}
}

func (l *lease) lapsed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bootTime()-l.from > l.timeout
}
