package child

import (
	"context"
	"errors"
	"io"
)

// StartRole starts a role of a measurement and sends it its first question. self
// is the command whose arguments --role and role make it one; empty: this program
// with that subcommand.
func StartRole(ctx context.Context, self []string, subcommand, role string, first any, stderr io.Writer) (*Child, error) {
	if len(self) == 0 {
		path, err := Self()
		if err != nil {
			return nil, err
		}
		self = []string{path, subcommand}
	}
	c, err := Start(ctx, append(self[:len(self):len(self)], "--role", role), stderr)
	if err != nil {
		return nil, err
	}
	if err := c.Tell(first); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}
