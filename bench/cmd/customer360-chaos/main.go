// Command customer360-chaos breaks four real processes for a while and looks
// whether the documents are right afterwards (see bench/chaos). With --stack they
// are three, and MariaDB, Kafka and Connect. The last line on
// stdout is a JSON report. It exits 1 when a document is wrong, and when something
// did not start, settle or end; then the folder is kept. Linux only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"customer360/bench/chaos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "customer360-chaos:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// errWrong: the run went through, and the report says what is wrong.
var errWrong = errors.New("what is in Couchbase is not what the sources say")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	c := chaos.DefaultConfig()
	seconds, keep, stack := 60, false, ""
	flags := flag.NewFlagSet("customer360-chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.Binary, "binary", "bin/customer360", "the program to break")
	flags.StringVar(&c.Dir, "dir", "", "a new or empty folder (default: a temporary one)")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "of the plan and of the world")
	flags.IntVar(&seconds, "seconds", seconds, "how long faults are played")
	flags.IntVar(&c.Customers, "customers", c.Customers, "people in the simulated world")
	flags.IntVar(&c.Events, "events", c.Events, "changes a second in it")
	flags.DurationVar(&c.Night, "night", c.Night, "time between two CSV exports")
	flags.StringVar(&stack, "stack", "", "the folder deploy/stack: break real MariaDB, Kafka, Connect and run processes instead of up")
	flags.BoolVar(&keep, "keep", false, "keep the folder of a run without a finding")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q: there are only flags", flags.Arg(0))
	}
	c.Length = time.Duration(seconds) * time.Second
	if c.Dir, err = folder(c.Dir); err != nil {
		return err
	}
	notes, err := os.OpenFile(filepath.Join(c.Dir, "faults.log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer notes.Close() //nolint:errcheck // the report is what counts
	var report any
	if stack != "" {
		report, err = runStack(ctx, c, stack, io.MultiWriter(notes, stderr))
	} else {
		report, err = runUp(ctx, c, io.MultiWriter(notes, stderr))
	}
	if err := json.NewEncoder(stdout).Encode(report); err != nil {
		return err
	}
	if err != nil || keep {
		fmt.Fprintf(stderr, "logs and data: %s\n", c.Dir)
		return err
	}
	return os.RemoveAll(c.Dir)
}

// folder makes it, or takes a new one; one that holds something is refused.
func folder(path string) (string, error) {
	if path == "" {
		return os.MkdirTemp("", "customer360-chaos-")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty", path)
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
