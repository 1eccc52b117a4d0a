package restpoll

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxProductBytes is what a product may have.
const maxProductBytes = 1 << 20

// dispatch hands jobs to the workers as they become due.
func (p *Poller) dispatch(ctx context.Context, jobs chan<- job) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		j, ok, wait := p.schedule.next(p.now())
		if ok {
			select {
			case jobs <- j:
			case <-ctx.Done():
				return nil
			}
			continue
		}
		// A millisecond's patience: at thousands of requests a second the timer
		// would cost more than they do.
		timer.Reset(max(wait, time.Millisecond))
		select {
		case <-timer.C:
		case <-p.schedule.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// work does one job after the other until ctx ends; writing ends a little
// later.
func (p *Poller) work(ctx, writing context.Context, jobs <-chan job) error {
	f := &fetcher{client: p.client, limit: p.cfg.MaxBodyBytes, pace: p.pace, asked: p.asked, products: make(map[string]struct{})}
	for {
		select {
		case <-ctx.Done():
			return nil
		case j := <-jobs:
			if j.agenda == nil {
				p.pollProduct(writing, f, j)
			} else {
				p.pollCustomer(writing, f, j)
			}
		}
	}
}

// pace waits for the budget.
func (p *Poller) pace(ctx context.Context) error {
	wait := p.schedule.owe(p.now())
	if wait <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, wait)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pollCustomer asks for one customer and hands the raw result to Kafka.
func (p *Poller) pollCustomer(writing context.Context, f *fetcher, j job) {
	r, ok := f.poll(j.ctx, j.key, j.poll, j.tags)
	now := p.now()
	if !ok {
		p.finish(now, j, unknown, time.Time{})
		return
	}
	if r.Kind == kindAnswer {
		f.scan.products(r.Orders, func(id []byte) {
			// Only what this worker has not seen yet costs the lock.
			if _, ok := f.products[string(id)]; !ok && len(f.products) < maxProducts {
				f.products[string(id)] = struct{}{}
				p.schedule.productSeen(id)
			}
		})
	}
	p.metrics.delay.Observe(j.overdue.Seconds())
	silent := p.heed(now, &r)
	if r.Reason != "" {
		p.last.set(now, r.Reason)
		p.log.Debug("a poll brought no usable answer", "email", mask(j.key), "reason", r.Reason)
	}
	p.publisher.result(writing, j.key, &r, func(err error) {
		if err != nil && writing.Err() == nil {
			p.last.set(p.now(), fmt.Sprintf("writing a result: %v", err))
			p.schedule.again(p.now(), j, p.cfg.RetryBackoff)
		}
	})
	p.finish(now, j, r.health(), silent)
}

// heed takes the store's wish for silence from a result: a 429 or 503 speaks
// for all requests, and a 429 without a time for a backoff's.
func (p *Poller) heed(now time.Time, r *result) time.Time {
	var until time.Time
	if r.RetryAt > 0 {
		until = p.schedule.silence(now, time.UnixMilli(r.RetryAt))
		r.RetryAt = until.UnixMilli()
	}
	switch r.Status {
	case http.StatusTooManyRequests:
		if until.IsZero() {
			until = now.Add(p.cfg.RetryBackoff)
		}
		return until
	case http.StatusServiceUnavailable:
		return until
	}
	return time.Time{}
}

// finish ends a job's requests and reports when the circuit changes.
func (p *Poller) finish(now time.Time, j job, v verdict, silent time.Time) {
	switch p.schedule.done(now, j, v, silent) {
	case circuitOpened:
		p.log.Warn("the store does not answer: asking by single requests until it does", "last_error", p.last.get().text)
	case circuitClosed:
		p.log.Info("the store answers again")
	case circuitSilent:
		p.log.Warn("the store asks for a pause: nobody is asked for until then", "until", silent.UTC().Format(time.RFC3339))
	}
}

// pollProduct asks for one product.
func (p *Poller) pollProduct(writing context.Context, f *fetcher, j job) {
	resp, err := f.get(j.ctx, endpointProduct, j.key, "", &f.details, maxProductBytes)
	now := p.now()
	body := bytes.Clone(f.details)
	if err != nil || resp.status != http.StatusOK || (*jsontext.Value)(&body).Compact() != nil || body[0] != '{' {
		r := result{Status: resp.status}
		if !resp.retryAt.IsZero() {
			r.RetryAt = max(0, resp.retryAt.UnixMilli())
		}
		p.schedule.productFailed(now, j.key)
		p.finish(now, j, unknown, p.heed(now, &r))
		return
	}
	p.publisher.product(writing, j.key, body, func(err error) {
		if err != nil {
			p.schedule.productFailed(p.now(), j.key)
		}
	})
	p.finish(now, j, unknown, time.Time{})
}
