package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/local"
	"customer360/cmd/customer360/internal/up"
)

func (a *app) localCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "local", Short: "Run one embedded part of \"up\" in a process of its own",
		Long: `Run one embedded part of "up" in a process of its own: the Couchbase node, the Kafka broker, or the simulated sources.
Data lie in --dir, laid out as "up" does it; each part of a folder can run once. When the part can be used, its
addresses are printed; Ctrl-C ends it in order.`,
		Example: "  customer360 local couchbase --dir /tmp/c360\n  customer360 local sources --dir /tmp/c360 --customers 900",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.localCouchbaseCommand(), a.localKafkaCommand(), a.localSourcesCommand())
	return c
}

// part is one embedded part with its flags read.
type part interface {
	Validate() error
	Run(ctx context.Context) error
}

func (a *app) runPart(ctx context.Context, p part) error {
	if err := p.Validate(); err != nil {
		return usage(err)
	}
	err := p.Run(ctx)
	if errors.Is(err, local.ErrInUse) {
		return refused(err)
	}
	return err
}

func (a *app) common() local.Common {
	return local.Common{Dir: a.dir, JSON: a.output == "json", Out: a.out, Log: slog.New(slog.NewTextHandler(a.err, nil))}
}

func (a *app) localCouchbaseCommand() *cobra.Command {
	p := local.DefaultCouchbase()
	c := &cobra.Command{
		Use: "couchbase", Short: "The embedded Couchbase node (data service) by itself",
		Example: "  customer360 local couchbase --dir /tmp/c360 --listen 127.0.0.1:0\n" +
			"  customer360 local couchbase --bucket customer360 --bucket other --fault slow:1%:200ms",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Common = a.common()
			return a.runPart(cmd.Context(), p)
		},
	}
	f := c.Flags()
	f.StringVar(&p.Listen, "listen", p.Listen, "address; port 0: any free one")
	f.StringVar(&p.Username, "username", p.Username, "user")
	f.StringVar(&p.PasswordFile, "password-file", "", "file with the user's password, made at random if it is not there (default: couchbase.password in --dir)")
	f.StringArrayVar(&p.Buckets, "bucket", p.Buckets, "bucket to serve; repeat it for more")
	f.StringVar(&p.Fault, "fault", "", "what goes wrong, like timeout-after:10%,slow:1%:200ms,failover:100:1m; kinds: "+up.FaultKinds())
	return c
}

func (a *app) localKafkaCommand() *cobra.Command {
	p := local.DefaultKafka()
	c := &cobra.Command{
		Use: "kafka", Short: "The embedded Kafka broker by itself",
		Example: "  customer360 local kafka --dir /tmp/c360 --listen 127.0.0.1:0", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Common = a.common()
			return a.runPart(cmd.Context(), p)
		},
	}
	c.Flags().StringVar(&p.Listen, "listen", p.Listen, "IP address and port, which clients are told to use; port 0: any free one")
	return c
}

func (a *app) localSourcesCommand() *cobra.Command {
	p := local.DefaultSources()
	c := &cobra.Command{
		Use: "sources", Short: "The simulated source systems by themselves: the Online Store, Loyalty's CSV files, Home Delivery",
		Long: `The simulated source systems by themselves: the Online Store's REST API, Loyalty's nightly CSV files, and Home
Delivery's change events as Debezium would write them. Processes of equal --seed and --customers play the same people, so
the three can run apart; the stack of deploy/stack writes Home Delivery's table by SQL instead.`,
		Example: "  customer360 local sources --dir /tmp/c360 --store 127.0.0.1:18080 --csv /tmp/c360/loyalty\n" +
			"  customer360 local sources --only online_store --events 0\n" +
			"  customer360 local sources --only home_delivery --kafka 127.0.0.1:9092",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Common = a.common()
			return a.runPart(cmd.Context(), p)
		},
	}
	f := c.Flags()
	f.StringVar(&p.Only, "only", p.Only, "sources to play, separated by commas: home_delivery, loyalty, online_store")
	f.StringVar(&p.Store, "store", p.Store, "address of the Online Store; port 0: any free one")
	f.StringVar(&p.CSV, "csv", "", "folder of Loyalty's files (default: loyalty in --dir)")
	f.StringVar(&p.Kafka, "kafka", "", "brokers that Home Delivery's change events go to, separated by commas")
	f.StringVar(&p.Topic, "topic", p.Topic, "topic of these")
	f.IntVar(&p.Customers, "customers", p.Customers, "people in the simulated world, Matthew Groves included")
	f.Int64Var(&p.Seed, "seed", p.Seed, "the world's seed: equal seeds, equal worlds")
	f.DurationVar(&p.Night, "night", p.Night, "time between two nightly CSV exports")
	f.Float64Var(&p.EventsPerSecond, "events", p.EventsPerSecond, "changes a second in the simulated world after the load")
	return c
}
