package restpoll

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"customer360/topology/engine"
)

// Status is how the poller does, in this instance's partitions.
type Status struct {
	Wanted   int // emails to poll
	Answered int // of them, with a first answer: 200 or 404
	Waiting  int // of them, without
	Parked   int // of them, of an older generation that no document has confirmed

	Partitions  int
	InFlight    int           // polls and product requests under way
	Requests    int64         // HTTP requests of this process
	Circuit     string        // closed, open, or silent: the store asked for a pause
	SilentUntil time.Time     // where it is silent
	Lag         time.Duration // how long the email that waits longest has been due
	LastError   string        // "" where there was none; holds no email
	LastErrorAt time.Time
	Group       engine.Status // of the group: state, lag in Kafka, its own last error
}

// Status may be called at any time.
func (p *Poller) Status() Status {
	c := p.schedule.counts(p.now())
	last := p.last.get()
	s := Status{
		Wanted: c.wanted, Answered: c.answered, Waiting: c.wanted - c.answered, Parked: c.parked,
		Partitions: c.partitions, InFlight: c.flight, Requests: p.requests.Load(),
		Circuit: "closed", Lag: c.lag, LastError: last.text, LastErrorAt: last.at,
		Group: p.group.Status(),
	}
	switch {
	case c.circuitOpen:
		s.Circuit = "open"
	case !c.silent.IsZero():
		s.Circuit, s.SilentUntil = "silent", c.silent
	}
	return s
}

// Unanswered is how many wanted emails of the partitions owned lack their
// first answer.
func (p *Poller) Unanswered() int {
	c := p.schedule.counts(p.now())
	return c.wanted - c.answered
}

// Freeze starts nothing from now on but what first answers need: for `up
// --once`. Requests under way end as usual.
func (p *Poller) Freeze() { p.schedule.freeze() }

// lastError is the newest failure, for people.
type lastError struct {
	mu sync.Mutex
	e  failure
}

type failure struct {
	text string
	at   time.Time
}

func (l *lastError) set(at time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.e = failure{text, at}
}

func (l *lastError) get() failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.e
}

// mask shows of an email its first letter and its domain.
func mask(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" {
		return "***"
	}
	_, n := utf8.DecodeRuneInString(local)
	return local[:n] + "***@" + domain
}
