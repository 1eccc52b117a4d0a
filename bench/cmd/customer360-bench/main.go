// Command customer360-bench measures the product: against what a user would pick
// instead (Kafka Streams, stock goka), against what limits it (franz-go alone),
// and against itself. `customer360-bench help` lists its subcommands. It exits 1
// when a run failed or left wrong documents, 2 when the command line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "customer360-bench:", err)
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}
