package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Look at Kafka, Couchbase, the sources and this host, and say what is wrong, with its remedy",
		Long: `Look at all that the pipeline stands on: brokers, topics, groups, offsets at risk, hanging transactions, rights, clocks,
disk, Couchbase's buckets and rights, the store's answer, the loyalty folder, Debezium's topic, dead letters. Nothing is
changed but the sinks' probe document. docs/runbook.md has a section for each check.

Exit code 1 if a finding is an error; warnings alone, and what could not be looked at, leave it 0.`,
		Example: "  customer360 doctor --config customer360.yaml\n  customer360 doctor --output json | jq '.[] | select(.severity != \"ok\")'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

func (a *app) doctor(ctx context.Context) error {
	conf, opts, err := a.kafka()
	if err != nil {
		return err
	}
	found, err := doctor.Run(ctx, conf, doctor.Deps{Kafka: opts})
	if err != nil {
		return err
	}
	count := map[doctor.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
	}
	if a.output == "json" {
		if err := a.json(append([]doctor.Finding{}, found...)); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintf(a.out, "%-8s %-17s %s: %s\n", strings.ToUpper(string(f.Severity)), f.Check, f.Where, f.What)
			if f.Remedy != "" {
				fmt.Fprintf(a.out, "%26s → %s\n", "", f.Remedy)
			}
		}
		fmt.Fprintf(a.out, "\n%d errors, %d warnings, %d unknown, %d ok\n", count[doctor.Error], count[doctor.Warning], count[doctor.Unknown], count[doctor.OK])
	}
	if n := count[doctor.Error]; n > 0 {
		return errors.New("something is wrong: see the errors above, and docs/runbook.md")
	}
	return nil
}
