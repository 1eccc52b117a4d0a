package restpoll

import (
	"time"

	"golang.org/x/time/rate"
)

// budget is this instance's share of the requests per second: the whole rate
// times partitions owned by partitions there are.
type budget struct {
	whole float64
	total int
	limit *rate.Limiter
}

func newBudget(perSecond float64, partitions int) *budget {
	return &budget{whole: perSecond, total: partitions, limit: rate.NewLimiter(0, 1)}
}

// share follows a change of the partitions owned.
func (b *budget) share(now time.Time, owned int) {
	share := b.whole * float64(owned) / float64(b.total)
	b.limit.SetLimitAt(now, rate.Limit(share))
	// A timer is about a millisecond late, and a busy process later: the burst
	// catches up on 50 ms.
	b.limit.SetBurstAt(now, max(1, int(share/20)))
}

// take takes one request, or says how long there is none.
func (b *budget) take(now time.Time) (wait time.Duration) {
	if b.limit.Limit() == 0 {
		return idle // rate would spend the burst
	}
	r := b.limit.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// owe takes one request ahead and says when it may start: for the second half
// of a poll, which goes before all others.
func (b *budget) owe(now time.Time) time.Duration {
	if b.limit.Limit() == 0 {
		return idle
	}
	return b.limit.ReserveN(now, 1).DelayFrom(now)
}
