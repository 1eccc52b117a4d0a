package couchbase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/couchbase/gocb/v2"
)

// ErrNoScan: neither range scans (Couchbase 7.6) nor the query service list the
// keys of a bucket here. The text says why.
var ErrNoScan = errors.New("the bucket's keys cannot be listed")

// How the keys of a bucket were listed.
const (
	ByRangeScan = "range scan"
	ByQuery     = "query"
)

// scanTries is how often a scan that fails begins anew.
const scanTries = 5

// Keys calls fn with the key of every document of the target, in no order, some
// of them twice where the scan had to begin anew; what is written meanwhile may be
// there or not. It returns how they were listed. The error matches ErrNoScan where
// there is no way; an error of fn ends it, unwrapped.
func (a *Auditor) Keys(ctx context.Context, fn func(key string) error) (how string, err error) {
	b, err := a.client.bucket(ctx, a.col.target)
	if err != nil {
		return "", err
	}
	col := b.Scope(a.col.target.Scope).Collection(a.col.target.Collection)
	for try := range scanTries {
		err = scan(ctx, col, fn)
		var stopped fnError
		switch {
		case err == nil:
			return ByRangeScan, nil
		case errors.As(err, &stopped):
			return "", stopped.error
		case ctx.Err() != nil:
			return "", ctx.Err()
		case is(err, gocb.ErrFeatureNotAvailable, gocb.ErrUnsupportedOperation):
			return ByQuery, a.query(ctx, fn)
		case classify(err) == fatal:
			return "", explain(err, a.client.cfg, a.col.target)
		}
		if !sleep(ctx, backoff(a.client.cfg, try+3)) {
			return "", ctx.Err()
		}
	}
	return "", fmt.Errorf("listing the keys of %s, %d times: %w", a.col.target, scanTries, explain(err, a.client.cfg, a.col.target))
}

// fnError is an error of the caller's.
type fnError struct{ error }

func (e fnError) Unwrap() error { return e.error }

func scan(ctx context.Context, col *gocb.Collection, fn func(string) error) error {
	items, size := uint32(4096), uint32(256<<10)
	result, err := col.Scan(gocb.RangeScan{From: &gocb.ScanTerm{Term: "\x00"}, To: &gocb.ScanTerm{Term: "\xff"}}, &gocb.ScanOptions{
		IDsOnly: true, Context: ctx, Concurrency: 1, // the SDK (2.11.1) has a data race with more
		BatchItemLimit: &items, BatchByteLimit: &size})
	if err != nil {
		return err
	}
	if result == nil {
		return errors.New("the scan ended without a result")
	}
	for item := result.Next(); item != nil; item = result.Next() {
		if err := ctx.Err(); err != nil {
			abandon(result)
			return err
		}
		if err := fn(item.ID()); err != nil {
			abandon(result)
			return fnError{err}
		}
	}
	return result.Err()
}

// abandon ends a scan, and waits until the SDK has: it reads from the connection.
func abandon(result *gocb.ScanResult) {
	_ = result.Close()
	for result.Next() != nil { //nolint:revive // nobody wants them
	}
}

// queryTimeout is for all keys of a large bucket.
const queryTimeout = time.Hour

// query lists the keys by SQL++, which needs the query service and, before
// Couchbase 7.6, a primary index.
func (a *Auditor) query(ctx context.Context, fn func(string) error) error {
	t := a.col.target
	unavailable := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %s has no range scans (Couchbase 7.6 has), and the query service says: %s", ErrNoScan, t, brief(err))
	}
	rows, err := a.client.cluster.Query(fmt.Sprintf("SELECT RAW META().id FROM `%s`.`%s`.`%s`", t.Bucket, t.Scope, t.Collection),
		&gocb.QueryOptions{Readonly: true, Adhoc: true, ScanConsistency: gocb.QueryScanConsistencyRequestPlus, Timeout: queryTimeout, Context: ctx})
	if err != nil {
		return unavailable(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is looked at
	for rows.Next() {
		var key string
		if err := rows.Row(&key); err != nil {
			return unavailable(err)
		}
		if err := fn(key); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return unavailable(err)
	}
	return nil
}
