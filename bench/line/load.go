package line

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
	"customer360/processors/couchbase"
)

const lookEvery = 2 * time.Millisecond

// load gives records at a rate, and follows some of them.
func (c *course) load(ctx context.Context, m plant.Measured, rate int) ([]result.Row, error) {
	client, err := c.Couchbase(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	p := probes{client: client, waiting: make(chan probe), patience: c.Patience}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range c.Probes {
		wg.Go(func() {
			if err := p.follow(ctx); err != nil {
				p.fail(err)
				cancel()
			}
		})
	}
	before, err := c.usage()
	if err != nil {
		return nil, err
	}
	first := c.feeder.Given()
	err = c.feeder.Flow(ctx, rate, c.Lasts, func(n int, m load.Message, due time.Time) {
		select {
		case p.waiting <- probe{n, m, due}:
		default: // all probes are busy
		}
	})
	close(p.waiting)
	wg.Wait()
	if err := errors.Join(p.err, err); err != nil {
		return nil, err
	}
	if err := c.AwaitQuiet(ctx, c.graph, c.product, c.node); err != nil {
		return nil, err
	}
	after, err := c.usage()
	if err != nil {
		return nil, err
	}
	if len(p.took) == 0 {
		return nil, fmt.Errorf("%w: no record was followed", plant.ErrVoid)
	}
	slices.Sort(p.took)
	return append(after.rows(m, before, float64(c.feeder.Given()-first)),
		m.Row("offered", "records/s", float64(rate)),
		m.Row("probes", "count", float64(len(p.took))),
		m.Row(result.LatencyP50, "ms", plant.Milliseconds(plant.Percentile(p.took, .5))),
		m.Row(result.LatencyP99, "ms", plant.Milliseconds(plant.Percentile(p.took, .99))),
		m.Row(result.LatencyP999, "ms", plant.Milliseconds(plant.Percentile(p.took, .999)))), nil
}

// probe is a record that is followed.
type probe struct {
	n       int // its number, which is in the customer's phone number
	message load.Message
	due     time.Time
}

type probes struct {
	client   *couchbase.Client
	waiting  chan probe
	patience time.Duration
	fastest  atomic.Int64 // nanoseconds; 0: none yet

	mu   sync.Mutex
	took []time.Duration
	err  error
}

func (p *probes) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, err)
}

// follow looks for one record after the other. The first look is not before half
// of the shortest time that one has taken.
func (p *probes) follow(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for q := range p.waiting {
		key, err := q.key()
		if err != nil {
			return err
		}
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
			if since := time.Since(q.due); since < time.Duration(p.fastest.Load()/2) {
				continue
			} else if since > p.patience {
				return fmt.Errorf("record %d of %s is not in Couchbase after %v", q.n, key, since)
			}
			document, _, err := p.client.Get(ctx, couchbase.DefaultConfig().Documents, key)
			if errors.Is(err, couchbase.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			shown := time.Since(q.due)
			n, err := newest(document)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			if n < q.n {
				continue
			}
			p.note(shown)
			break
		}
	}
	return nil
}

func (p *probes) note(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, took)
	if fastest := p.fastest.Load(); fastest == 0 || int64(took) < fastest {
		p.fastest.Store(int64(took))
	}
}

// key of the document: the customer's address.
func (q probe) key() (string, error) {
	var envelope struct{ After struct{ Email string } }
	if err := json.Unmarshal(q.message.Value, &envelope); err != nil || envelope.After.Email == "" {
		return "", fmt.Errorf("record %d of the load names no customer: %w", q.n, err)
	}
	return envelope.After.Email, nil
}

// newest is the number of the record that a document shows: the last word of its
// phone number.
func newest(document []byte) (int, error) {
	var d struct{ Profile struct{ Phone string } }
	if err := json.Unmarshal(document, &d); err != nil {
		return 0, err
	}
	phone := []byte(d.Profile.Phone)
	n, err := strconv.Atoi(string(phone[bytes.LastIndexByte(phone, ' ')+1:]))
	if err != nil {
		return 0, fmt.Errorf("the phone number %q has no number of a record", phone)
	}
	return n, nil
}
