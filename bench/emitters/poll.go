package emitters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/codec"
	"customer360/codec/onlinestore"
	"customer360/emitters/restpoll"
	"customer360/topology"
	"customer360/topology/engine"
)

// lookEvery is fine enough for runs of a second.
const lookEvery = time.Millisecond

// poll is restpoll. The clock starts with the first request.
func poll(ctx context.Context, o order, c *clock, stderr io.Writer) (int64, error) {
	dir, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return 0, fmt.Errorf("a folder for the poller: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	decoder, err := onlinestore.New(onlinestore.Config{Pass: codec.PassKeep})
	if err != nil {
		return 0, err
	}
	cfg := restpoll.DefaultConfig()
	cfg.BaseURL, cfg.Concurrency, cfg.RequestsPerSecond = o.Places.Store, o.InFlight, 1e9
	e := engine.DefaultConfig()
	e.Client, e.Instance, e.Dir, e.NewHash, e.MaxRecordBytes = o.Places.kafka(), "bench", dir, topology.NewHasher, topology.MaxMessageBytes
	p, err := restpoll.New(cfg, restpoll.Deps{Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Registry: prometheus.NewRegistry(), Kafka: o.Places.kafka(), Engine: e, Settings: settings(), Decoder: decoder})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := p.Run(ctx)
		cancel(errors.Join(errors.New("the poller has ended"), err))
		ended <- err
	}()
	requests, err := answered(ctx, p, len(o.Places.Emails), c)
	cancel(nil)
	return requests, errors.Join(err, <-ended)
}

// answered waits until all emails have their answer, and counts the requests.
func answered(ctx context.Context, p *restpoll.Poller, emails int, c *clock) (int64, error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	begun, before := false, int64(0)
	for {
		s := p.Status()
		if !begun && s.Requests > 0 {
			begun, before = true, s.Requests
			if err := c.start(); err != nil {
				return 0, err
			}
		}
		if s.Answered >= emails {
			return s.Requests - before, c.stop()
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d customers have an answer: %w", s.Answered, emails, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// ask is net-http.
func ask(ctx context.Context, o order, c *clock) (int64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: o.InFlight, MaxIdleConnsPerHost: o.InFlight, MaxConnsPerHost: o.InFlight}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, requests atomic.Int64
	var all sync.WaitGroup
	if err := c.start(); err != nil {
		return 0, err
	}
	for range o.InFlight {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(o.Places.Emails) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := both(ctx, client, o.Places.Store, o.Places.Emails[i]); err != nil {
					cancel(err)
				}
				requests.Add(2)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return requests.Load(), c.stop()
}

// both asks for a customer's details and orders.
func both(ctx context.Context, client *http.Client, store, email string) error {
	body, err := get(ctx, client, store+"/getCustomerDetailsByEmail?customerEmail="+url.QueryEscape(email))
	if err != nil {
		return err
	}
	var customer struct{ ID int64 }
	if err := json.Unmarshal(body, &customer); err != nil {
		return fmt.Errorf("%w: the store's answer: %w", ErrVoid, err)
	}
	_, err = get(ctx, client, store+"/getOrdersByCustomerId?customerId="+strconv.FormatInt(customer.ID, 10))
	return err
}

func get(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the store: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the store: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: the store answers %s", ErrVoid, resp.Status)
	}
	return body, err
}
