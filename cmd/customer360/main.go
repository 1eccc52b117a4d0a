// Command customer360 turns a company's separate systems into one live
// document per customer. See README.md.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"customer360/cmd/customer360/internal/cli"
)

func main() {
	// State and the embedded servers' data hold personal data and the sources'
	// passwords. Not all libraries that write them let the mode be chosen.
	ownerOnly()
	// net/http prints what a server sent unasked, which may be a customer's data.
	// What is worth saying goes through slog.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
