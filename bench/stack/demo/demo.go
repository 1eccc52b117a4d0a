package demo

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Config says what is looked at.
type Config struct {
	Binary        string // customer360
	Configuration string // its --config
	// Patience bounds the wait for one change to show.
	Patience time.Duration
	Out      io.Writer
	Now      time.Time // makes the row's address unique
}

// step is a statement and what the document is like when it has arrived.
type step struct {
	sql     string
	arrived func(document string, found bool) bool
}

func (c Config) steps(email string) []step {
	return []step{
		{fmt.Sprintf("INSERT INTO inventory.customers (name, email, password, address_line_1, city, state, zipcode, phonenumber)\n"+
			"  VALUES ('Ada Lovelace', '%s', 'example', '12 St James''s Square', 'Columbus', 'OH', '43004', '614-555-0100')", email),
			func(document string, found bool) bool { return found && strings.Contains(document, "St James's") }},
		{fmt.Sprintf("UPDATE inventory.customers SET address_line_1 = '6 Ockham Park' WHERE email = '%s'", email),
			func(document string, found bool) bool { return found && strings.Contains(document, "Ockham") }},
		{fmt.Sprintf("DELETE FROM inventory.customers WHERE email = '%s'", email),
			func(_ string, found bool) bool { return !found }},
	}
}

// Run plays the three statements. The row is gone afterwards, also when it fails.
func Run(ctx context.Context, db *sql.DB, c Config) (err error) {
	email := "ada.lovelace." + c.Now.UTC().Format("20060102t150405") + "@example.com"
	steps := c.steps(email)
	defer func() {
		if err != nil {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_, _ = db.ExecContext(clean, steps[len(steps)-1].sql) // best effort: the error tells what matters
		}
	}()
	var times []string
	for _, s := range steps {
		took, err := c.play(ctx, db, s, email)
		if err != nil {
			return err
		}
		verb, _, _ := strings.Cut(s.sql, " ")
		times = append(times, fmt.Sprintf("%s %.2f s", verb, took.Seconds()))
	}
	_, err = fmt.Fprintf(c.Out, "from the statement to the document: %s\n", strings.Join(times, ", "))
	return err
}

func (c Config) play(ctx context.Context, db *sql.DB, s step, email string) (time.Duration, error) {
	fmt.Fprintf(c.Out, "sql> %s;\n", s.sql)
	result, err := db.ExecContext(ctx, s.sql)
	if err != nil {
		return 0, fmt.Errorf("the statement: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return 0, fmt.Errorf("the statement met %d rows instead of 1 (%v)", n, err)
	}
	committed := time.Now()
	limit, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	for {
		document, found, err := c.get(limit, email)
		if err == nil && s.arrived(document, found) {
			took := time.Since(committed)
			if !found {
				document = "(no such document)\n"
			}
			_, err = fmt.Fprintf(c.Out, "$ customer360 get --config %s %s\n%safter %.2f s\n\n", c.Configuration, email, document, took.Seconds())
			return took, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-limit.Done():
			return 0, fmt.Errorf("the statement did not show in Couchbase within %v (the last look: %q, %v); `make stack-status` names each part's state and log",
				c.Patience, document, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// get is one look: false without an error when there is no such document.
func (c Config) get(ctx context.Context, key string) (document string, found bool, err error) {
	var out, errOut bytes.Buffer
	command := exec.CommandContext(ctx, c.Binary, "get", "--config", c.Configuration, key)
	command.Stdout, command.Stderr = &out, &errOut
	err = command.Run()
	if err == nil {
		return out.String(), true, nil
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && strings.Contains(errOut.String(), "there is no such document") {
		return "", false, nil
	}
	return "", false, fmt.Errorf("%w: %s", err, strings.TrimSpace(errOut.String()))
}
