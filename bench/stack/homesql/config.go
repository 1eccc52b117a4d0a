package homesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config says which database is written, and as what world.
type Config struct {
	Address            string // host:port of MariaDB or MySQL
	Username, Password string // may write the databases inventory and simulator
	Seed               int64
	Customers          int           // people in the world; two of three have a row
	Every              time.Duration // between two changes; 0: none after the load
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		errs = append(errs, fmt.Errorf("the database's address %q: want host:port", c.Address))
	}
	if c.Username == "" {
		errs = append(errs, errors.New("no user of the database"))
	}
	if c.Customers < 0 {
		errs = append(errs, fmt.Errorf("%d customers: use 0 or more", c.Customers))
	}
	if c.Every < 0 {
		errs = append(errs, fmt.Errorf("a change every %v: use 0 or more", c.Every))
	}
	return errors.Join(errs...)
}

// Open makes a pool of connections; it connects to nothing yet.
func Open(c Config) (*sql.DB, error) {
	m := mysql.NewConfig()
	m.Net, m.Addr, m.User, m.Passwd = "tcp", c.Address, c.Username, c.Password
	m.Timeout, m.ReadTimeout, m.WriteTimeout = 10*time.Second, time.Minute, time.Minute
	// Without it an UPDATE that changes nothing counts as one that met no row.
	m.ClientFoundRows = true
	m.Logger = log.New(io.Discard, "", 0) // what it has to say is in the errors too
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, fmt.Errorf("the database's settings: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// retryAfter is the wait between two tries of what the database did not do.
const retryAfter = time.Second

// persist tries until it is done or ctx ends. The first failure and each new kind
// of it is logged.
func persist(ctx context.Context, log *slog.Logger, what string, try func() error) error {
	for said := ""; ; {
		err := try()
		if err == nil {
			if said != "" {
				log.Info("the database is back", "for", what)
			}
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if permanent := (permanentError{}); errors.As(err, &permanent) {
			return permanent.error
		}
		if text := err.Error(); text != said {
			log.Warn("the database did not do it, it is tried again", "what", what, "error", err)
			said = text
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(retryAfter):
		}
	}
}

// permanentError is not tried again.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
