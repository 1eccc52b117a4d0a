package main

import (
	"errors"
	"flag"
	"fmt"

	"customer360/bench/report"
	"customer360/bench/result"
)

// filesAndFlags parses flags that stand before, between and after files, and
// returns those; helped: --help was asked for.
func filesAndFlags(f *flag.FlagSet, args []string) (files []string, helped bool, err error) {
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, true, nil
		} else if err != nil {
			return nil, false, fmt.Errorf("%w: %w", err, errUsage)
		}
		if f.NArg() == 0 {
			return files, false, nil
		}
		files = append(files, f.Arg(0))
		args = f.Args()[1:]
	}
}

// pageOf parses the flags and reads the files of results, at least one.
func pageOf(f *flag.FlagSet, args []string) (page *report.Page, helped bool, err error) {
	files, helped, err := filesAndFlags(f, args)
	if helped || err != nil {
		return nil, helped, err
	}
	if len(files) == 0 {
		return nil, false, fmt.Errorf("%s takes files of results: bench/results/*.parquet: %w", f.Name(), errUsage)
	}
	var all []report.Source
	for _, path := range files {
		rows, err := result.Load(path)
		if err != nil {
			return nil, false, err
		}
		all = append(all, report.Source{Path: path, Rows: rows})
	}
	page, err = report.New(all)
	return page, false, err
}
