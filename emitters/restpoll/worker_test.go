package restpoll

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

func TestHeed(t *testing.T) {
	now := time.UnixMilli(start)
	cfg := DefaultConfig()
	p := &Poller{cfg: cfg, schedule: newSchedule(cfg, 1, nil)}
	for name, c := range map[string]struct {
		status        int
		retry         time.Duration // 0: not said
		silent, email time.Duration // what all requests and this email wait for
	}{
		"429":                       {429, 0, cfg.RetryBackoff, 0},
		"429 with a time":           {429, 7 * time.Second, 7 * time.Second, 7 * time.Second},
		"503 with a time":           {503, 7 * time.Second, 7 * time.Second, 7 * time.Second},
		"503":                       {503, 0, 0, 0},
		"500 speaks for itself":     {500, 7 * time.Second, 0, 7 * time.Second},
		"503 for longer than taken": {503, 99 * time.Hour, cfg.RetryAfterMax, cfg.RetryAfterMax},
	} {
		r := result{Kind: kindFailed, Status: c.status}
		if c.retry > 0 {
			r.RetryAt = now.Add(c.retry).UnixMilli()
		}
		var silent, email time.Duration
		if until := p.heed(now, &r); !until.IsZero() {
			silent = until.Sub(now)
		}
		if r.RetryAt > 0 {
			email = time.UnixMilli(r.RetryAt).Sub(now)
		}
		if silent != c.silent || email != c.email {
			t.Errorf("%s: all wait %v, the email %v; want %v, %v", name, silent, email, c.silent, c.email)
		}
	}
}

// A result that cannot be written is asked for again, after a backoff.
func TestUnwrittenResultIsAskedAgain(t *testing.T) {
	s := newShop(t)
	s.handlers[endpointDetails] = status(http.StatusNotFound)
	c := newClock(t, nil)
	c.own(0, emails(1, entry{Poll: 7}))
	now := c.now
	p := &Poller{cfg: DefaultConfig(), log: slog.New(slog.DiscardHandler), schedule: c.s, now: func() time.Time { return now }}
	if err := p.register(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.publisher, err = newPublisher([]kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")}, topology.PollsTopic); err != nil {
		t.Fatal(err)
	}
	p.publisher.close() // so that every write fails at once
	p.pollCustomer(context.Background(), s.fetcher(t, nil), c.only(1)[0])
	deadline := time.Now().Add(10 * time.Second)
	for back := false; !back && time.Now().Before(deadline); time.Sleep(time.Millisecond) { // the client says so when it likes
		c.s.mu.Lock()
		_, back = c.s.agendas[0].next(placeFirst)
		c.s.mu.Unlock()
	}
	c.only(0)
	c.after(p.cfg.RetryBackoff)
	if c.only(1)[0].poll != 7 {
		t.Error("another poll")
	}
	if n := c.s.counts(c.now).flight; n != 1 {
		t.Errorf("%d under way", n)
	}
}
