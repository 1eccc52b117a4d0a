package couchbase

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// probeInsert tries what the insert of this package relies on and no
// documentation promises: it makes the exact bytes, and is refused over a
// document and over a tombstone. It answers with what was otherwise, "" if all was
// as it should be; then first writes may be inserts. Each try has a key of its own,
// for a key's tombstone stays for days.
func probeInsert(ctx context.Context, st store, get bodyOf, target Target, cfg Config, log *slog.Logger) (string, error) {
	a, h := &attempts{cfg: cfg}, &health{log: log}
	for {
		key := probeKey + "::" + rand.Text()
		odd, err := tryInsert(ctx, st, get, key)
		switch {
		case err == nil:
			return odd, nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case classify(err) == fatal:
			return "", explain(err, cfg, target)
		}
		h.bad(ctx, target, "probe of inserts", err)
		if !a.wait(ctx, h) {
			return "", ctx.Err()
		}
		// The try may have left a document; it is not for readers of the bucket.
		if err := probeUntil(ctx, st, key, nil, target, a, h); err != nil {
			return "", err
		}
	}
}

// bodyOf reads a document as it is stored; the error matches ErrNotFound where
// there is none.
type bodyOf func(ctx context.Context, key string) ([]byte, error)

func (c *Client) bodies(target Target) bodyOf {
	return func(ctx context.Context, key string) ([]byte, error) {
		body, _, err := c.Get(ctx, target, key)
		return body, err
	}
}

// tryInsert returns an error where the try says nothing.
func tryInsert(ctx context.Context, st store, get bodyOf, key string) (string, error) {
	m := mutation{body: []byte(`{"type":"probe","b":{"z":1.10,"a":[ 2]},"a":"\u00e9"}`), fence: Fence{0, 1},
		expiry: uint32(probeExpiry / time.Second)}
	cas, err := st.operate(ctx, key, insert, 0, m)
	if err != nil {
		return unless(err, refused, "it is refused")
	}
	body, err := get(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return "the document is not there", nil
	case err != nil:
		return "", err
	case string(body) != string(m.body):
		return fmt.Sprintf("the document comes out as %s", body), nil
	}
	for _, over := range []string{"a document", "a tombstone"} {
		if _, err := st.operate(ctx, key, insert, 0, m); err == nil {
			return "it goes through over " + over, nil
		} else if classify(err) != lost {
			return unless(err, refused, "over "+over+": "+brief(err))
		}
		if over == "a tombstone" {
			break
		}
		if _, err := st.operate(ctx, key, remove, cas, mutation{fence: Fence{0, 2}}); err != nil {
			return "", err
		}
	}
	return "", nil
}

// unless is the text for errors of the class.
func unless(err error, c class, text string) (string, error) {
	if classify(err) == c {
		return text, nil
	}
	return "", err
}
