// Command customer360-bench measures the product against what limits it:
// processors.Merge on the engine, both as shipped, beside franz-go copying the
// same records. It needs nothing but itself: the broker is in the process, which
// is why its figures are ratios of one run and not those of a deployment (see
// bench/contest). It exits 1 when a run failed or left wrong documents.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "customer360-bench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}
