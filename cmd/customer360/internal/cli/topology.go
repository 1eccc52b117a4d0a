package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
)

func (a *app) topologyCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "topology", Short: "Print the graph of topics and groups as it is in the code",
		Example: "  customer360 topology\n  customer360 topology --format dot | dot -Tsvg > topology.svg", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := topology.DefaultSettings()
			if a.config != "" {
				conf, err := a.load()
				if err != nil {
					return err
				}
				s = pipeline.Settings(conf)
			}
			g, err := topology.New(s)
			if err != nil {
				return usage(err)
			}
			if a.output == "json" && !cmd.Flags().Changed("format") {
				format = "json"
			}
			switch format {
			case "text":
				_, err = fmt.Fprint(a.out, g.Text())
			case "dot":
				_, err = fmt.Fprint(a.out, g.Dot())
			case "json":
				err = a.json(g)
			default:
				err = usage(fmt.Errorf("--format %s: use text, dot or json", format))
			}
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, dot or json")
	return c
}
