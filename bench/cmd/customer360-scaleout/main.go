// Command customer360-scaleout runs two, four and one instances under load on a
// real Kafka, measures how long partitions stand still, and compares the documents
// with a calm run's (see bench/scaleout). The last line on stdout is a JSON report.
// It exits 1 when a document differs, and when something did not start, settle or
// end; then the folder is kept.
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

	"customer360/bench/scaleout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "customer360-scaleout:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	c := scaleout.DefaultConfig()
	partitions := int(c.Partition)
	flags := flag.NewFlagSet("customer360-scaleout", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.Binary, "binary", c.Binary, "the program to run")
	flags.StringVar(&c.Scripts, "stack", c.Scripts, "the folder deploy/stack")
	flags.StringVar(&c.Dir, "dir", "", "a new folder for data and logs (default: a temporary one, removed after a run without a finding)")
	flags.IntVar(&c.Customers, "customers", c.Customers, "customers, all of them there before the first step")
	flags.IntVar(&c.Rate, "rate", c.Rate, "updates a second; 0: the calm run alone")
	flags.IntVar(&c.Standbys, "standbys", c.Standbys, "standby copies of each partition")
	flags.IntVar(&partitions, "partitions", partitions, "of every topic")
	flags.StringVar(&c.Parts, "parts", c.Parts, "what the instances run: some of rekey,merge,staging,sink")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "of the load")
	flags.DurationVar(&c.Patience, "patience", c.Patience, "how long each thing is waited for")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	c.Partition = int32(partitions)
	keep := c.Dir != ""
	if c.Dir == "" {
		c.Dir, err = os.MkdirTemp("", "customer360-scaleout-")
	} else {
		err = os.MkdirAll(filepath.Dir(c.Dir), 0o700)
		if err == nil {
			err = os.Mkdir(c.Dir, 0o700)
		}
	}
	if err != nil {
		return err
	}
	report, err := scaleout.Run(ctx, c, stderr)
	if err == nil && report.Differences > 0 {
		err = fmt.Errorf("%d documents differ from the calm run's", report.Differences)
	}
	if encoded := json.NewEncoder(stdout).Encode(report); encoded != nil {
		return errors.Join(err, encoded)
	}
	if err != nil || keep {
		fmt.Fprintf(stderr, "logs and data: %s\n", c.Dir)
		return err
	}
	return os.RemoveAll(c.Dir)
}
