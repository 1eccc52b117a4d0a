// Command customer360 turns a company's separate systems into one live
// document per customer. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"customer360/cmd/customer360/internal/cli"
)

func main() {
	// State and the embedded servers' data hold personal data and the sources'
	// passwords. Not all libraries that write them let the mode be chosen.
	ownerOnly()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
