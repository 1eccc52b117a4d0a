package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/kafkaclient"
	"customer360/topology/generation"
)

// Exit codes, as `customer360 help` lists them.
const (
	exitOK      = 0
	exitError   = 1 // it did not work, or what was asked for is not there
	exitUsage   = 2 // the command line or the configuration is wrong
	exitRefused = 3 // it is forbidden now: in use, held, another generation
)

// errUsage and errRefused choose the exit code of what they wrap.
var (
	errUsage   = errors.New("usage")
	errRefused = errors.New("refused")
)

// coded is an error with the exit code's mark, but without its text.
type coded struct {
	error
	mark error
}

func (c coded) Unwrap() []error { return []error{c.error, c.mark} }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return coded{err, errUsage}
}

func refused(err error) error {
	if err == nil {
		return nil
	}
	return coded{err, errRefused}
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errRefused), errors.Is(err, generation.ErrRefused):
		return exitRefused
	}
	return exitError
}

// app is what commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	config   string // --config
	dir      string // --dir
	output   string // --output
}

// Main runs one command line and returns its exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(errOut, "customer360: %v\n", err)
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "customer360",
		Short: "One live, correct document per customer",
		Long: `customer360 turns a company's separate systems into one live, correct document per customer.

Home Delivery (MySQL by Debezium), Loyalty (nightly CSV files) and the Online Store (REST) become events in Kafka;
goka processors group them by email; a fenced sink keeps the documents in Couchbase.

Exit codes: 0 done; 1 it did not work, or what was asked for is not there; 2 the command line or the configuration is
wrong; 3 refused: in use, held, or pinned to another generation.`,
		Example:       "  customer360 up\n  customer360 get matthew.groves@couchbase.com",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "configuration file (default: the one that \"up\" wrote to --dir)")
	flags.StringVar(&a.dir, "dir", ".customer360", "folder of \"up\"")
	flags.StringVarP(&a.output, "output", "o", "text", "text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "text" && a.output != "json" {
			return usage(fmt.Errorf("--output %s: use text or json", a.output))
		}
		return nil
	}
	root.AddCommand(
		a.upCommand(),
		a.localCommand(),
		a.runCommand(),
		a.statusCommand(),
		a.getCommand(),
		a.importCommand(),
		a.deadLettersCommand(),
		a.sweepCommand(),
		a.verifyCommand(),
		a.rebuildCommand(),
		a.generationsCommand(),
		a.topicsCommand(),
		a.topologyCommand(),
		a.configCommand(),
		a.doctorCommand(),
		a.versionCommand(),
	)
	usageErrors(root)
	return root
}

// usageErrors gives wrong arguments of every command the exit code of a usage
// error.
func usageErrors(c *cobra.Command) {
	if args := c.Args; args != nil {
		c.Args = func(cmd *cobra.Command, list []string) error {
			if err := args(cmd, list); err != nil {
				return usage(fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath()))
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
}

// configFile is the file that --config names, or what `up` wrote.
func (a *app) configFile() string {
	if a.config != "" {
		return a.config
	}
	return filepath.Join(a.dir, "customer360.yaml")
}

func (a *app) load() (config.Config, error) {
	c, err := config.Load(a.configFile(), os.LookupEnv)
	if errors.Is(err, os.ErrNotExist) && a.config == "" {
		return c, usage(fmt.Errorf("no configuration: %s is not there; start `customer360 up`, or name a file with --config", a.configFile()))
	}
	return c, usage(err)
}

// kafka loads the configuration and makes the options of a client.
func (a *app) kafka() (config.Config, []kgo.Opt, error) {
	c, err := a.load()
	if err != nil {
		return c, nil, err
	}
	opts, err := kafkaclient.Options(c.Kafka)
	return c, opts, usage(err)
}

// json prints a value for a program to read.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
