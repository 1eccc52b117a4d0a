package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/emitters/csvdir"
	"customer360/internal/instance"
)

func (a *app) importCommand() *cobra.Command {
	var history, accept bool
	c := &cobra.Command{
		Use: "import FILE...", Short: "Import a loyalty CSV by hand, list what was imported, release a held file",
		Long: `Import loyalty CSV files by hand, by the same rules as the watched folder: a full snapshot, the newest by
modification time counts. --accept imports a file that would be held because it withdraws too many members; given the
hash that --history shows, or a name, it releases the file that the folder holds.`,
		Example: "  customer360 import loyalty11262026_020000.csv\n  customer360 import --history\n  customer360 import --accept loyalty11262026_020000.csv",
		RunE: func(cmd *cobra.Command, files []string) error {
			switch {
			case history && len(files) == 0:
				return a.importHistory(cmd.Context())
			case history || len(files) == 0:
				return usage(errors.New("name files to import, or --history alone"))
			}
			return a.importFiles(cmd.Context(), files, accept)
		},
	}
	c.Flags().BoolVar(&history, "history", false, "list the files with hash, rows, rejected rows and withdrawn members")
	c.Flags().BoolVar(&accept, "accept", false, "import a file although it would be held, or release a held one")
	return c
}

func (a *app) importHistory(ctx context.Context) error {
	_, opts, err := a.kafka()
	if err != nil {
		return err
	}
	files, err := csvdir.History(ctx, csvdir.Deps{Kafka: opts})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(append([]csvdir.File{}, files...))
	}
	if len(files) == 0 {
		_, err := fmt.Fprintln(a.out, "no file was seen yet")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FILE\tMODIFIED\tPHASE\tROWS\tREJECTED\tWITHDRAWN\tHASH\tREASON")
	for i := range files {
		f := &files[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", f.Name, f.Modified().UTC().Format(time.RFC3339), f.Phase, f.Rows, f.Rejected,
			f.Withdrawn, f.ShortHash(), f.Reason)
	}
	return w.Flush()
}

func (a *app) importFiles(ctx context.Context, files []string, accept bool) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	slot, err := instance.Claim(c.StateDir, "")
	if err != nil {
		return refused(err)
	}
	defer slot.Release() //nolint:errcheck // the lock ends with the process at the latest
	c.Log.Level = "warn" // what went well is printed as the result
	deps := csvdir.Deps{Log: a.logger(c.Log), Kafka: opts}
	for _, file := range files {
		f, err := a.importFile(ctx, pipeline.ImporterConfig(c, slot.Dir, slot.Name), deps, file, accept)
		switch already := errors.Is(err, csvdir.ErrAlready); {
		case already && f != nil && a.output != "json":
			fmt.Fprintln(a.out, err)
		case already && f == nil, errors.Is(err, csvdir.ErrHeld), errors.Is(err, csvdir.ErrOlder):
			return refused(err)
		case err != nil && !already:
			return err
		case f == nil && a.output == "json":
			if err := a.json(map[string]any{"file": file, "accepted": true}); err != nil {
				return err
			}
		case f == nil:
			fmt.Fprintf(a.out, "%s accepted: it is imported at the next look at it, in the folder or by hand\n", file)
		case a.output == "json":
			if err := a.json(f); err != nil {
				return err
			}
		default:
			fmt.Fprintf(a.out, "%s: %s, %d rows, %d rejected, %d members withdrawn\n", f.Name, f.Phase, f.Rows, f.Rejected, f.Withdrawn)
		}
	}
	return nil
}

// importFile imports a file; with accept, what is no file here is the hash or
// name of a held one, which is only released (nil).
func (a *app) importFile(ctx context.Context, c csvdir.Config, deps csvdir.Deps, file string, accept bool) (*csvdir.File, error) {
	if accept && !isFile(file) {
		return nil, csvdir.Accept(ctx, deps, file)
	}
	f, err := csvdir.Import(ctx, c, deps, file, accept)
	return &f, err
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
