package couchbase

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/couchbase/gocb/v2"
)

// Get reads a document as it is stored, with its CAS. The error matches
// ErrNotFound where there is none.
func (c *Client) Get(ctx context.Context, t Target, key string) (json.RawMessage, uint64, error) {
	b, err := c.bucket(ctx, t)
	if err != nil {
		return nil, 0, err
	}
	t = t.withDefaults()
	r, err := b.Scope(t.Scope).Collection(t.Collection).Get(key, &gocb.GetOptions{Context: ctx})
	switch {
	case is(err, gocb.ErrDocumentNotFound):
		return nil, 0, fmt.Errorf("%w: %q in %s", ErrNotFound, key, t)
	case err != nil:
		return nil, 0, explain(err, c.cfg, t)
	}
	var body []byte
	if err := r.Content(&body); err != nil {
		return nil, 0, explain(err, c.cfg, t)
	}
	return body, uint64(r.Cas()), nil
}

// Fence reads the fence of a document, or of the tombstone of a removed one;
// false where it carries none.
func (c *Client) Fence(ctx context.Context, t Target, key string) (Fence, bool, error) {
	col, err := c.collection(ctx, t)
	if err != nil {
		return Fence{}, false, err
	}
	s, err := col.lookup(ctx, key)
	if err != nil {
		return Fence{}, false, explain(err, c.cfg, t)
	}
	return s.fence, s.fenced, nil
}
