package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/up"
)

func (a *app) upCommand() *cobra.Command {
	o := up.DefaultOptions()
	c := &cobra.Command{
		Use: "up", Short: "Run the whole line in one process, on embedded Kafka and Couchbase, with simulated sources",
		Long: `Run the whole line in one process and one folder (--dir): Kafka, a Couchbase node, simulators of the three source
systems, and the pipeline, the same code that runs against real clusters. Ctrl-C ends it in order; the next start goes
on where it was. With --once the simulators load and freeze, and the command ends when everything has arrived; the last
line on stdout is JSON.`,
		Example: "  customer360 up\n  customer360 up --once --customers 100000 --dir /tmp/c360\n  customer360 up --fresh --seed 7",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir, o.Out, o.Err = a.dir, a.out, a.err
			if err := o.Validate(); err != nil {
				return usage(err)
			}
			err := up.Run(cmd.Context(), o)
			if errors.Is(err, up.ErrInUse) {
				return refused(err)
			}
			return err
		},
	}
	f := c.Flags()
	f.IntVar(&o.Customers, "customers", o.Customers, "people in the simulated world, Matthew Groves included")
	f.Int64Var(&o.Seed, "seed", o.Seed, "the world's seed: equal seeds, equal worlds")
	f.BoolVar(&o.Once, "once", o.Once, "load, drop one CSV, freeze, end when everything has arrived")
	f.BoolVar(&o.Fresh, "fresh", o.Fresh, "empty the folder first")
	f.StringVar(&o.Kafka, "kafka", o.Kafka, "address of the embedded Kafka; port 0: any free one")
	f.StringVar(&o.Couchbase, "couchbase", o.Couchbase, "address of the embedded Couchbase node")
	f.StringVar(&o.Store, "store", o.Store, "address of the simulated Online Store")
	f.StringVar(&o.HTTP, "http", o.HTTP, "address of /metrics, /healthz, /readyz")
	f.BoolVar(&o.Pprof, "pprof", o.Pprof, "serve /debug/pprof on --http too")
	f.StringVar(&o.Fault, "fault", o.Fault, "what goes wrong in the embedded Couchbase, like timeout-after:10%,slow:1%:200ms,failover:100:1m; kinds: "+up.FaultKinds())
	f.DurationVar(&o.Night, "night", o.Night, "time between two nightly CSV exports")
	f.Float64Var(&o.EventsPerSecond, "events", o.EventsPerSecond, "changes a second in the simulated world after the load")
	return c
}
