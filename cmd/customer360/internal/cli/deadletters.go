package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"customer360/internal/deadletters"
)

func (a *app) deadLettersCommand() *cobra.Command {
	c := &cobra.Command{Use: "dead-letters", Short: "Look at what could not be understood, and retry it",
		Example: "  customer360 dead-letters list\n  customer360 dead-letters show onlinestore.polls/3/17"}
	var limit int
	var pending bool
	list := &cobra.Command{
		Use: "list", Short: "One line each: coordinates, when, who refused it, why", Args: cobra.NoArgs,
		Example: "  customer360 dead-letters list --output json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listDeadLetters(cmd.Context(), limit, pending) },
	}
	list.Flags().IntVar(&limit, "limit", 0, "print the newest N only (0: all)")
	list.Flags().BoolVar(&pending, "pending", false, "leave out what was retried")
	c.AddCommand(list, &cobra.Command{
		Use: "show COORDINATES...", Short: "The raw bytes and headers, secrets masked", Args: cobra.MinimumNArgs(1),
		Example: "  customer360 dead-letters show dbserver1.inventory.customers/2/41",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showDeadLetters(cmd.Context(), args) },
	}, &cobra.Command{
		Use: "retry COORDINATES...", Short: "Publish the raw record to its topic again, once", Args: cobra.MinimumNArgs(1),
		Long: `Publish the raw record to its topic again, once, after the cause has been mended. Refused where it was retried
already, where its key has a newer record, and where there is no record to publish (a CSV row, a quarantined key).`,
		Example: "  customer360 dead-letters retry dbserver1.inventory.customers/2/41",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.retryDeadLetters(cmd.Context(), args) },
	})
	return c
}

// letterLine is a dead letter as list prints it.
type letterLine struct {
	Coordinates string `json:"coordinates"`
	At          string `json:"at"`
	Stage       string `json:"stage"`
	Source      string `json:"source,omitempty"`
	File        string `json:"file,omitempty"`
	Line        int    `json:"line,omitempty"`
	Count       int    `json:"count"`
	Retried     bool   `json:"retried"`
	Reason      string `json:"reason"`
}

func lineOf(l deadletters.Letter) letterLine {
	return letterLine{Coordinates: l.Coordinates(), At: l.At.UTC().Format(time.RFC3339), Stage: l.Stage, Source: l.Source,
		File: l.File, Line: l.Line, Count: l.Count, Retried: l.Retried, Reason: l.Reason}
}

func (a *app) letters(ctx context.Context) ([]deadletters.Letter, error) {
	_, opts, err := a.kafka()
	if err != nil {
		return nil, err
	}
	return deadletters.List(ctx, opts)
}

func (a *app) listDeadLetters(ctx context.Context, limit int, pending bool) error {
	letters, err := a.letters(ctx)
	if err != nil {
		return err
	}
	lines := []letterLine{}
	for _, l := range letters {
		if !pending || !l.Retried {
			lines = append(lines, lineOf(l))
		}
	}
	if limit > 0 && len(lines) > limit {
		lines = lines[len(lines)-limit:]
	}
	if a.output == "json" {
		return a.json(lines)
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintln(a.out, "no dead letters")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COORDINATES\tAT\tSTAGE\tRETRIED\tREASON")
	for _, l := range lines {
		where := l.Coordinates
		if l.File != "" {
			where += " (" + l.File + " line " + strconv.Itoa(l.Line) + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", where, l.At, l.Stage, l.Retried, l.Reason)
	}
	return w.Flush()
}

func (a *app) showDeadLetters(ctx context.Context, coordinates []string) error {
	letters, err := a.letters(ctx)
	if err != nil {
		return err
	}
	var missing error
	for _, c := range coordinates {
		l, ok := deadletters.Find(letters, c)
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("%s: %w", c, deadletters.ErrUnknown))
			continue
		}
		if err := a.showDeadLetter(l); err != nil {
			return err
		}
	}
	return missing
}

func (a *app) showDeadLetter(l deadletters.Letter) error {
	csv := l.FileHash != ""
	value := deadletters.Mask(l.Value, csv)
	headers := map[string]string{}
	for k, v := range l.Headers {
		headers[k] = deadletters.MaskHeader(k, v)
	}
	if a.output == "json" {
		return a.json(struct {
			letterLine
			Key     string            `json:"key"`
			Headers map[string]string `json:"headers,omitempty"`
			Bytes   int               `json:"bytes"`
			Value   string            `json:"value"`
		}{lineOf(l), deadletters.MaskKey(l.Key, csv), headers, len(l.Value), value})
	}
	fmt.Fprintf(a.out, "coordinates  %s\nat           %s\nstage        %s\nsource       %s\n", l.Coordinates(),
		l.At.UTC().Format(time.RFC3339), l.Stage, l.Source)
	if csv {
		fmt.Fprintf(a.out, "file         %s line %d\n", l.File, l.Line)
	}
	fmt.Fprintf(a.out, "reason       %s\nretried      %v\nkey          %s\n", l.Reason, l.Retried, deadletters.MaskKey(l.Key, csv))
	for k, v := range headers {
		fmt.Fprintf(a.out, "header       %s: %s\n", k, v)
	}
	_, err := fmt.Fprintf(a.out, "value        %d bytes\n%s\n\n", len(l.Value), value)
	return err
}

func (a *app) retryDeadLetters(ctx context.Context, coordinates []string) error {
	_, opts, err := a.kafka()
	if err != nil {
		return err
	}
	var failed error
	for _, c := range coordinates {
		l, err := deadletters.Retry(ctx, opts, c)
		switch {
		case errors.Is(err, deadletters.ErrNewer), errors.Is(err, deadletters.ErrRetried), errors.Is(err, deadletters.ErrNoRetry):
			failed = errors.Join(failed, refused(err))
		case err != nil:
			failed = errors.Join(failed, err)
		case a.output == "json":
			if err := a.json(map[string]string{"coordinates": c, "published_to": l.Topic}); err != nil {
				return err
			}
		default:
			fmt.Fprintf(a.out, "%s published to %s again\n", c, l.Topic)
		}
	}
	return failed
}
