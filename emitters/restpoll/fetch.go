package restpoll

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// fetcher makes one poll of its requests. It belongs to one worker: buffers
// and scanner are reused, and results are slices of them.
type fetcher struct {
	client *client
	scan   scanner
	limit  int
	// pace waits for the budget before a poll's further requests.
	pace func(ctx context.Context) error
	// asked observes each request.
	asked func(endpoint string, status int, err error, took time.Duration)

	details, orders []byte
	products        map[string]struct{} // ids seen in orders
}

// keptBuffer is how much memory a worker keeps between polls.
const keptBuffer = 1 << 20

// poll asks for details and orders. It returns false where ctx ended: nothing
// is known then.
func (f *fetcher) poll(ctx context.Context, email string, poll uint64, known tags) (result, bool) {
	r, retryAt := f.fetch(ctx, email, known)
	if ctx.Err() != nil {
		return result{}, false
	}
	r.Poll, r.Time = poll, f.client.now().UnixMilli()
	if !retryAt.IsZero() {
		r.RetryAt = max(0, retryAt.UnixMilli())
	}
	if len(r.Tags.CustomerID) > 64 {
		r.Tags = tags{}
	}
	return r, true
}

// fetch makes the requests of a poll; only what concerns the answer is set.
func (f *fetcher) fetch(ctx context.Context, email string, known tags) (result, time.Time) {
	details, err := f.get(ctx, endpointDetails, email, known.Details, &f.details, f.limit)
	if err != nil || details.status != http.StatusOK && details.status != http.StatusNotModified {
		if err == nil && details.status == http.StatusNotFound {
			return result{Kind: kindNotFound, Status: details.status}, details.retryAt
		}
		return f.refused("details", details, err, f.details, nil), details.retryAt
	}
	id, ordersTag := known.CustomerID, known.Orders
	if details.status == http.StatusOK {
		if id, err = f.scan.customerID(f.details); err != nil {
			reason := err.Error()
			if details.kind != "" && details.kind != "application/json" {
				reason += ": the store sent " + details.kind
			}
			return result{Kind: kindBad, Status: details.status, Reason: reason, Customer: f.details}, details.retryAt
		}
		// Both are published together, so one that has not changed is needed
		// too. Unchanged orders of changed details are rare.
		ordersTag = ""
	} else if known.Details == "" || known.Orders == "" {
		return f.refused("details", details, nil, nil, nil), details.retryAt
	}

	if err := f.pace(ctx); err != nil {
		return result{}, time.Time{}
	}
	orders, err := f.get(ctx, endpointOrders, id, ordersTag, &f.orders, f.limit-len(f.details))
	switch {
	case err == nil && orders.status == http.StatusNotModified && ordersTag != "":
		return result{Kind: kindUnchanged, Status: orders.status, Tags: known}, orders.retryAt
	case err != nil || orders.status != http.StatusOK:
		return f.refused("orders", orders, err, f.details, f.orders), orders.retryAt
	case details.status == http.StatusNotModified:
		if err := f.pace(ctx); err != nil {
			return result{}, time.Time{}
		}
		return f.fetch(ctx, email, tags{}) // the orders have changed: all of it again
	}
	r := result{Kind: kindAnswer, Status: orders.status, Customer: f.details, Orders: f.orders}
	if details.tag != "" && orders.tag != "" {
		r.Tags = tags{Details: details.tag, Orders: orders.tag, CustomerID: id}
	}
	return r, orders.retryAt
}

// refused is the result of a request that brought no whole 200.
func (f *fetcher) refused(what string, resp response, err error, details, orders []byte) result {
	r := result{Kind: kindFailed, Status: resp.status}
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errCut):
		r.Kind, r.Reason = kindCut, fmt.Sprintf("%s: %v", what, err)
		r.Customer, r.Orders = details[:min(len(details), keptOfCut)], orders[:min(len(orders), keptOfCut)]
	case err != nil:
		r.Reason = fmt.Sprintf("%s: %v", what, err)
	default:
		r.Reason = fmt.Sprintf("%s: status %d", what, resp.status)
	}
	return r
}

// get asks once, with the body in *buf.
func (f *fetcher) get(ctx context.Context, endpoint, value, tag string, buf *[]byte, limit int) (response, error) {
	if cap(*buf) > keptBuffer {
		*buf = nil
	}
	start := f.client.now()
	resp, body, err := f.client.get(ctx, endpoint, value, tag, (*buf)[:0], limit)
	*buf = body
	f.asked(endpoint, resp.status, err, f.client.now().Sub(start))
	return resp, err
}

// health is what a poll's result says about the store.
func (r *result) health() verdict {
	switch r.Kind {
	case kindFailed, kindBad, kindCut:
		return unhealthy
	}
	return healthy
}
