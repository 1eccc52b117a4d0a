package restpoll

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// Due times in Unix milliseconds. Both rules depend on their arguments alone:
// the callback has no clock and no dice.

// nextDue is one interval after from, in the phase that the email has of its
// own: so the polls of customers who came together spread over the interval,
// and a steady one keeps its rhythm whatever a single answer took. The first
// step is between half and one and a half intervals long.
func nextDue(key string, from int64, interval time.Duration) int64 {
	period := interval.Milliseconds()
	phase := int64(xxhash.Sum64String(key) % uint64(period))
	due := from - from%period + phase
	for due <= from+period/2 {
		due += period
	}
	return due
}

// backoff is the wait after the failures-th failure in a row: doubling from
// base up to limit, less up to half of it.
func backoff(key string, failures int, base, limit time.Duration) time.Duration {
	wait := base
	for i := 1; i < failures && wait < limit; i++ {
		wait *= 2
	}
	wait = min(wait, limit)
	// A failure count alone would repeat an email's luck each time.
	dice := (xxhash.Sum64String(key) ^ uint64(failures)) * 0x9e3779b97f4a7c15 >> 32
	return wait - time.Duration(float64(wait)/2*float64(dice)/(1<<32))
}
