package restpoll

import (
	"context"
	"sync"
	"time"

	"customer360/topology"
)

// idle is how long the dispatcher sleeps where nothing is due; it is woken
// before that.
const idle = time.Minute

// productShare: one request in so many is for a product while emails are due.
const productShare = 32

// job is one thing to ask the store for.
type job struct {
	agenda  *agenda // nil: a product
	ctx     context.Context
	key     string // the email, or the product's id
	poll    uint64
	tags    tags
	overdue time.Duration
}

// schedule decides what is asked for next. It has no goroutine and no clock of
// its own: time is an argument.
type schedule struct {
	cfg   Config
	polls string        // topic of the raw results
	wake  chan struct{} // something changed that the dispatcher may wait for

	mu       sync.Mutex
	base     context.Context // of the agendas
	agendas  map[int32]*agenda
	products productQueue
	circuit  circuit
	budget   *budget
	flight   int           // requests under way
	silent   time.Time     // the store asked not to be asked before
	last     time.Time     // that the dispatcher asked
	ahead    time.Duration // of the agendas' time before the wall clock: see tick
	frozen   bool
	turn     int
}

func newSchedule(cfg Config, partitions int, jitter func() float64) *schedule {
	return &schedule{
		cfg: cfg, polls: topology.PollsTopic, wake: make(chan struct{}, 1), base: context.Background(),
		agendas:  make(map[int32]*agenda),
		products: newProductQueue(cfg),
		circuit:  circuit{threshold: cfg.CircuitFailures, first: cfg.CircuitWait, max: cfg.CircuitWaitMax, jitter: jitter},
		budget:   newBudget(cfg.RequestsPerSecond, partitions),
	}
}

func (s *schedule) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next starts a job, or says how long there is none.
func (s *schedule) next(now time.Time) (job, bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.tick(now)
	if s.flight >= s.cfg.Concurrency {
		return job{}, false, idle
	}
	if wait := s.silent.Sub(now); wait > 0 {
		return job{}, false, wait
	}
	if ok, wait := s.circuit.allow(now); !ok {
		if wait == 0 {
			wait = idle
		}
		return job{}, false, wait
	}
	a, p, wait := s.pick(at)
	product := !s.frozen && !s.circuit.open && s.products.due(now) && (a == nil || s.turn >= productShare)
	if a == nil && !product {
		if until := s.products.wait(now); !s.frozen && until > 0 {
			wait = min(wait, until)
		}
		return job{}, false, wait
	}
	if wait := s.budget.take(now); wait > 0 {
		return job{}, false, wait
	}
	s.flight++
	s.turn++
	if product {
		s.turn = 0
		return job{ctx: s.base, key: s.products.start()}, true, 0
	}
	s.circuit.started()
	it := a.start(p)
	j := job{agenda: a, ctx: a.ctx, key: it.key, poll: it.poll, overdue: time.Duration(at-it.due) * time.Millisecond}
	if it.tags != nil {
		j.tags = *it.tags
	}
	return j, true, 0
}

// pick finds the agenda with the earliest due email; those that wait for their
// first answer come before all others. Without one it says how long to wait.
func (s *schedule) pick(now int64) (*agenda, place, time.Duration) {
	soonest := now + idle.Milliseconds()
	for p := placeFirst; p <= placeRepeat; p++ {
		if p == placeRepeat && s.frozen {
			break
		}
		var best *agenda
		var due int64
		for _, a := range s.agendas {
			if it, ok := a.next(p); ok && a.open && (best == nil || it.due < due) {
				best, due = a, it.due
			}
		}
		if best != nil && due <= now {
			return best, p, 0
		}
		if best != nil {
			soonest = min(soonest, due)
		}
	}
	return nil, 0, time.Duration(soonest-now) * time.Millisecond
}

// verdict is what a poll says about the store's health.
type verdict uint8

const (
	healthy   verdict = iota // it answered
	unhealthy                // it did not, or nonsense
	unknown                  // the request was abandoned, or it was for a product
)

// change is what a job's end did to the circuit.
type change uint8

const (
	circuitKept change = iota
	circuitOpened
	circuitClosed
	circuitSilent // from now on, and for long
)

// done ends a job's requests. silent: the store asked for silence until then.
func (s *schedule) done(now time.Time, j job, v verdict, silent time.Time) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight--
	before := s.circuit.open
	switch {
	case j.agenda == nil:
	case v == healthy:
		s.circuit.success()
	case v == unhealthy:
		s.circuit.failure(now)
	default:
		s.circuit.abandoned()
	}
	quiet := !now.Before(s.silent) && silent.Sub(now) >= longSilence
	if silent.After(s.silent) {
		s.silent = silent
	}
	s.stir()
	switch {
	case s.circuit.open && !before:
		return circuitOpened
	case before && !s.circuit.open:
		return circuitClosed
	case quiet:
		return circuitSilent
	}
	return circuitKept
}

// longSilence is told in the log.
const longSilence = 10 * time.Second

// silence shortens a Retry-After to what the configuration allows. It is counted
// from now, so that it ends in time where the wall clock is set back.
func (s *schedule) silence(now, until time.Time) time.Time {
	return now.Add(min(until.Sub(now), s.cfg.RetryAfterMax))
}

// owe is the wait before a poll's further request.
func (s *schedule) owe(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.budget.owe(now)
}

// again puts back a poll whose result could not be handed on.
func (s *schedule) again(now time.Time, j job, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agendas[j.agenda.partition] == j.agenda {
		j.agenda.again(j.key, j.poll, s.at(now.Add(after)))
		s.stir()
	}
}

func (s *schedule) productSeen(id []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products.seen(id)
	s.stir()
}

func (s *schedule) productKnown(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products.known(id)
}

func (s *schedule) productFailed(now time.Time, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products.failed(now, id)
	s.stir()
}

// productsReady says that all products published before are known.
func (s *schedule) productsReady() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products.ready = true
	s.stir()
}

// freeze lets nothing start from now on but first answers.
func (s *schedule) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = true
}
