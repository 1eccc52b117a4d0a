package main

import (
	"context"
	"fmt"
	"io"
)

const plotUsage = `usage: customer360-bench plot [flags] FILE.parquet...

Draws what the files have: bars where contenders compare, lines where a setting
was varied; each as PNG and SVG. Prints the files' names.

  customer360-bench plot --out plots bench/results/*.parquet

`

func plotCommand() command {
	return command{"plot", "draw files of results as PNG and SVG", plotFiles}
}

func plotFiles(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flagsOf("plot", stderr)
	flags.Usage = func() { fmt.Fprint(stderr, plotUsage); flags.PrintDefaults() }
	out := flags.String("out", "plots", "the `folder`, made if it is missing")
	page, helped, err := pageOf(flags, args)
	if helped || err != nil {
		return err
	}
	drawn, err := page.Plot(*out)
	for _, path := range drawn {
		fmt.Fprintln(stdout, path)
	}
	return err
}
