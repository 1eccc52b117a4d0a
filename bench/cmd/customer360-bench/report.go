package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const reportUsage = `usage: customer360-bench report [flags] FILE.parquet...

Writes docs/performance.md and its plots from files of results. Where files have
the same case, the newest counts.

  customer360-bench report --out docs/performance.md --plots docs/performance bench/results/*.parquet

`

func reportCommand() command {
	return command{"report", "write docs/performance.md and its plots from files of results", reportFiles}
}

func reportFiles(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flagsOf("report", stderr)
	flags.Usage = func() { fmt.Fprint(stderr, reportUsage); flags.PrintDefaults() }
	out := flags.String("out", "", "the Markdown `file`, replaced; empty: stdout")
	plots := flags.String("plots", "", "the `folder` of the plots; empty: none")
	page, helped, err := pageOf(flags, args)
	if helped || err != nil {
		return err
	}
	folder := ""
	if *plots != "" {
		if folder, err = filepath.Rel(filepath.Dir(*out), *plots); err != nil {
			return fmt.Errorf("--plots %s as seen from --out %s: %w", *plots, *out, err)
		}
		if _, err := page.Plot(*plots); err != nil {
			return err
		}
	}
	text, err := page.Markdown(filepath.ToSlash(folder))
	if err != nil {
		return err
	}
	if *out == "" {
		_, err = stdout.Write(text)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		return err
	}
	fmt.Fprintln(stderr, *out)
	return nil
}
