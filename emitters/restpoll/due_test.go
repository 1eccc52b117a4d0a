package restpoll

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextDueKeepsThePhase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		interval := time.Duration(rapid.Int64Range(1, 100_000_000).Draw(t, "interval")) * time.Millisecond
		from := rapid.Int64Range(0, 1<<45).Draw(t, "from")
		due := nextDue(key, from, interval)
		half := interval.Milliseconds() / 2
		if step := due - from; step <= half || step > half+interval.Milliseconds() {
			t.Fatalf("due %d ms after the answer, the interval is %v", step, interval)
		}
		// A poll that takes up to half an interval does not lose the rhythm.
		took := rapid.Int64Range(0, half).Draw(t, "took")
		if half > 0 && took < half {
			if next := nextDue(key, due+took, interval); next != due+interval.Milliseconds() {
				t.Fatalf("due %d, then %d: not one interval (%v)", due, next, interval)
			}
		}
	})
}

func TestDueTimesSpread(t *testing.T) {
	const customers, buckets = 10_000, 10
	var seen [buckets]int
	for i := range customers { // all answered in the same second
		due := nextDue(strconv.Itoa(i)+"@example.com", 1_700_000_000_000+int64(i%1000), 15*time.Minute)
		seen[(due-1_700_000_000_000-450_000)*buckets/(900_000+1000)]++
	}
	for i, n := range seen {
		if n < customers/buckets*8/10 || n > customers/buckets*12/10 {
			t.Errorf("%d of %d customers are due in tenth %d of the interval", n, customers, i)
		}
	}
}

func TestBackoff(t *testing.T) {
	distinct := map[time.Duration]bool{}
	for i := range 100 {
		key := strconv.Itoa(i)
		for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: time.Minute, 1000: time.Minute} {
			wait := backoff(key, failures, time.Second, time.Minute)
			if wait < most/2 || wait > most {
				t.Errorf("after %d failures: %v, not %v to %v", failures, wait, most/2, most)
			}
			if failures == 5 {
				distinct[wait.Truncate(10*time.Millisecond)] = true
			}
		}
	}
	if len(distinct) < 50 {
		t.Errorf("100 emails that failed together come back at %d moments", len(distinct))
	}
}
