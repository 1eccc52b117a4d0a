package plant

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"customer360/processors/couchbase"
)

const user = "customer360"

// Node starts the embedded Couchbase node as a process, and waits until it
// answers.
func (p *Plant) Node(ctx context.Context) (*Process, error) {
	q, err := p.Start("couchbase", nil, p.Binary, "local", "couchbase", "--dir", p.Dir, "--listen", p.couchbase,
		"--username", user, "--password-file", p.passwordFile())
	if err != nil {
		return nil, err
	}
	return q, p.Await(ctx, 50*time.Millisecond, func() (bool, string, error) {
		if err := q.Alive(); err != nil {
			return false, "", err
		}
		c, err := p.Couchbase(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // not yet
		}
		c.Close()
		return true, "", nil
	})
}

// Couchbase is a client of the node.
func (p *Plant) Couchbase(ctx context.Context) (*couchbase.Client, error) {
	password, err := os.ReadFile(p.passwordFile())
	if err != nil {
		return nil, err
	}
	c := couchbase.DefaultConfig()
	c.ConnectionString, c.Username, c.Password = "couchbase://"+p.couchbase, user, strings.TrimSpace(string(password))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return couchbase.Connect(ctx, c, slog.New(slog.DiscardHandler))
}
