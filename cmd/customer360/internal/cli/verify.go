package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/verify"
	"customer360/internal/fielddiff"
	"customer360/processors/couchbase"
)

// errDifferent is the exit code 1 of a comparison that worked.
var errDifferent = errors.New("there are differences")

func (a *app) verifyCommand() *cobra.Command {
	cfg := verify.DefaultConfig()
	sample := cfg.Share.String()
	c := &cobra.Command{
		Use: "verify", Short: "Compare Couchbase with what the log says, and repair it",
		Long: `Compare the documents in Couchbase, and their fences, with the documents' topic of the serving generation, both ways.
It may run beside the pipeline: what is only on its way is no difference. With --repair the log's newest message is written
where Couchbase has an older or another version, and documents of ours that the log does not know are removed; documents
of somebody else are never removed. Progress goes to stderr.

Exit codes: 0 equal (or all was repaired), 1 there are differences, or it did not work.`,
		Example: "  customer360 verify\n  customer360 verify --sample 1% --output json\n  customer360 verify --repair",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Share, err = verify.ParseShare(sample); err != nil {
				return usage(fmt.Errorf("--sample %s: %w", sample, err))
			}
			return a.verify(cmd.Context(), cfg)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&cfg.Repair, "repair", false, "write what is missing or differs, remove what is too many")
	flags.StringVar(&sample, "sample", sample, "look at this share of the keys only, always the same keys")
	flags.IntVar(&cfg.Samples, "show", cfg.Samples, "tell at most this many differences one by one")
	flags.DurationVar(&cfg.Wait, "wait", cfg.Wait, "how long the sink may stand still before what it has not reached counts as pending")
	flags.StringVar(&cfg.Temp, "temp", "", "folder for a temporary database as large as the documents (default: the system's)")
	return c
}

func (a *app) verify(ctx context.Context, cfg verify.Config) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	if cfg.Settings, _, err = serving(ctx, c, opts); err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return usage(err)
	}
	r, err := pipeline.Verify(ctx, c, opts, cfg, a.reporter())
	if err != nil {
		return err
	}
	if a.output == "json" {
		err = a.json(r)
	} else {
		err = a.printVerified(r)
	}
	switch {
	case err != nil:
		return err
	case r.IsEqual():
		return nil
	case r.Repair != nil:
		return fmt.Errorf("%w: %d remain after the repair", errDifferent, r.Repair.Remaining)
	case r.Pending > 0:
		return fmt.Errorf("%w: %d, and the sink stands still in front of %d more; is `customer360 run` running?", errDifferent, r.Differences, r.Pending)
	}
	return fmt.Errorf("%w: %d; `customer360 verify --repair` mends them", errDifferent, r.Differences)
}

func (a *app) printVerified(r *verify.Result) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "generation\t%d\t\n", r.Generation)
	if r.Sample != verify.All.String() {
		fmt.Fprintf(w, "sample\t%s\tof the keys\n", r.Sample)
	}
	fmt.Fprintf(w, "log\t%d\tdocuments, and %d removals\n", r.Documents, r.Removals)
	if r.NotListed != "" {
		fmt.Fprintf(w, "Couchbase\t%d\tdocuments; only keys of the log were looked at\n", r.Live)
	} else {
		fmt.Fprintf(w, "Couchbase\t%d\tdocuments, listed by %s\n", r.Live, r.Listed)
	}
	fmt.Fprintf(w, "equal\t%d\t\n", r.Equal)
	line := func(name string, n int, meaning string) {
		if n > 0 {
			fmt.Fprintf(w, "%s\t%d\t%s\n", name, n, meaning)
		}
	}
	for _, reason := range verify.Reasons() {
		line(string(reason), r.Reasons[reason], reason.Meaning())
	}
	line("pending", r.Pending, "differ, and the sink has not come to them: it stands still")
	line("in flight", r.InFlight, "changed again and again while they were looked at")
	line("quarantined", r.Quarantined, "removed until a rebuild, as it should be")
	line("foreign", r.Foreign, "somebody else's documents, left alone")
	if r.Repair != nil {
		fmt.Fprintf(w, "repaired\t%d\twritten, %d removed, %d remain\n", r.Repair.Written, r.Repair.Removed, r.Repair.Remaining)
	}
	fmt.Fprintf(w, "time\t%v\t\n", time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond))
	if err := w.Flush(); err != nil {
		return err
	}
	if r.NotListed != "" {
		fmt.Fprintf(a.out, "not looked for: documents in Couchbase that the log does not know: %s\n", r.NotListed)
	}
	if len(r.Samples) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	w = tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tREASON\tLOG\tCOUCHBASE\tFIELDS\tREPAIR")
	for _, s := range r.Samples {
		reason := string(s.Reason)
		if s.Pending {
			reason += " (pending)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(s.Key), reason, fenceText(s.Log), fenceText(s.Couchbase), fieldNames(s.Fields), s.Repair)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if told, all := len(r.Samples), r.Differences+r.Pending; told < all {
		fmt.Fprintf(a.out, "and %d more (--show)\n", all-told)
	}
	return nil
}

// printable quotes a key that would do something to a terminal.
func printable(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(key) {
		return strconv.Quote(key)
	}
	return key
}

func fenceText(f *couchbase.Fence) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("g%d/%d", f.Generation, f.Offset)
}

func fieldNames(changes []fielddiff.Change) string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Field
	}
	return strings.Join(names, ",")
}
