package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/config"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check and show the configuration",
		Example: "  customer360 config check --config customer360.yaml"}
	c.AddCommand(&cobra.Command{
		Use: "check", Short: "Read the configuration strictly and say what is wrong with it, and where",
		Example: "  customer360 config check --config customer360.yaml", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, opts, err := a.kafka()
			if err != nil {
				return err
			}
			if err := checkComponents(conf, opts); err != nil {
				return usage(err)
			}
			if a.output == "json" {
				return a.json(map[string]string{"file": a.configFile(), "result": "ok"})
			}
			_, err = fmt.Fprintf(a.out, "%s is right\n", a.configFile())
			return err
		},
	}, &cobra.Command{
		Use: "show", Short: "Print the effective values, secrets masked",
		Example: "  customer360 config show --config customer360.yaml", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, err := a.load()
			if err != nil {
				return err
			}
			if a.output == "json" {
				values, err := conf.Values()
				if err != nil {
					return err
				}
				return a.json(values)
			}
			out, err := conf.YAML()
			if err == nil {
				_, err = a.out.Write(out)
			}
			return err
		},
	}, &cobra.Command{
		Use: "reference", Short: "Print the reference of all keys, as Markdown",
		Example: "  customer360 config reference > docs/configuration.md", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, config.Reference())
			return err
		},
	})
	return c
}
