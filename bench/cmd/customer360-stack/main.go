// Command customer360-stack writes Home Delivery's table by SQL, for the stack of
// deploy/stack.
//
//	customer360-stack simulate   the simulated people, then a change every second
//	customer360-stack demo       an INSERT, an UPDATE, a DELETE, and when each shows
//
// The database's password comes from --password-file or the environment's
// APP_PASSWORD. Exit code 0: done, or ended by a signal; 1: it did not work; 2: the
// command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"customer360/bench/stack/demo"
	"customer360/bench/stack/homesql"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "customer360-stack:", err)
	code := 1
	if errors.Is(err, errUsage) {
		code = 2
	}
	os.Exit(code)
}

var errUsage = errors.New("the command line is wrong; see customer360-stack --help")

const help = `customer360-stack simulate   write the simulated people into inventory.customers, then a change every second
customer360-stack demo       an INSERT, an UPDATE and a DELETE, and when each shows in customer360 get
Each has --help.
`

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
		_, err := io.WriteString(out, help)
		return err
	}
	c := homesql.Config{Address: "127.0.0.1:3306", Username: "mysqluser", Seed: 1, Customers: 900, Every: time.Second}
	d := demo.Config{Binary: "bin/customer360", Configuration: ".stack/customer360.yaml", Patience: time.Minute, Out: out, Now: time.Now()}
	passwordFile := ""
	flags := flag.NewFlagSet("customer360-stack "+args[0], flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&c.Address, "mariadb", c.Address, "the database, host:port")
	flags.StringVar(&c.Username, "user", c.Username, "user of the database")
	flags.StringVar(&passwordFile, "password-file", "", "file that holds its password (default: the environment's APP_PASSWORD)")
	switch args[0] {
	case "simulate":
		flags.Int64Var(&c.Seed, "seed", c.Seed, "the world's seed")
		flags.IntVar(&c.Customers, "customers", c.Customers, "people in the world; two of three have a row")
		flags.DurationVar(&c.Every, "every", c.Every, "time between two changes; 0: none")
	case "demo":
		flags.StringVar(&d.Binary, "binary", d.Binary, "the program customer360")
		flags.StringVar(&d.Configuration, "config", d.Configuration, "its configuration")
		flags.DurationVar(&d.Patience, "patience", d.Patience, "how long a change may take to show")
	default:
		return fmt.Errorf("%q is no command: %w", args[0], errUsage)
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q: there are only flags: %w", flags.Arg(0), errUsage)
	}
	c.Password = os.Getenv("APP_PASSWORD")
	if passwordFile != "" {
		text, err := os.ReadFile(passwordFile)
		if err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
		c.Password = strings.TrimSpace(string(text))
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	if args[0] == "demo" {
		db, err := homesql.Open(c)
		if err != nil {
			return err
		}
		defer db.Close() //nolint:errcheck // nothing is under way
		return demo.Run(ctx, db, d)
	}
	w, err := homesql.New(c, slog.New(slog.NewTextHandler(errOut, nil)))
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
