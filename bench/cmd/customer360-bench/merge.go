package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"customer360/bench/contest"
	"customer360/bench/load"
	"customer360/bench/result"
)

func mergeCommand() command {
	return command{"merge", "contenders merge the same records on one broker, interleaved; their documents must be equal", merge}
}

type mergeOptions struct {
	contest contest.Config
	saved   saved
}

func parseMerge(args []string, stderr io.Writer) (o mergeOptions, helped bool, err error) {
	o.contest = contest.DefaultConfig()
	c := &o.contest
	f := flagsOf("merge", stderr)
	loadFlags(f, &c.Load)
	warmup := f.Int("warmup", -1, "records of each run that are not measured (default: three tenths)")
	partitions := f.Int("partitions", int(c.Partitions), "of each topic")
	f.IntVar(&c.Rounds, "rounds", c.Rounds, "runs of each contender, interleaved")
	contenders := listFlag(f, "contenders", &c.Contenders, "who takes part, in the order of their turns")
	listFlag(f, "once", &c.Once, "of these, who runs in the first round only; empty: nobody")
	broker := f.String("broker", string(c.Broker), "kafka: a new one, by deploy/stack/kafka.sh; kfake: in memory, for our own contenders")
	f.StringVar(&c.Bootstrap, "bootstrap", "", "a broker that runs, host:port, instead; its topics around merge are replaced")
	f.IntVar(&c.BrokerPID, "broker-pid", 0, "its process, to measure its CPU time")
	f.DurationVar(&c.CommitInterval, "commit-interval", c.CommitInterval, "of customer360 and raw; Kafka Streams has 100ms with exactly once and 1s without")
	f.DurationVar(&c.Limit, "limit", c.Limit, "a run that takes longer is void")
	f.StringVar(&c.Root, "root", c.Root, "folder of the repository")
	f.StringVar(&c.Dir, "dir", "", "a folder for builds, data and logs, kept (default: a temporary one)")
	o.saved.flags(f)
	if helped, err = parseFlags(f, args); helped || err != nil {
		return o, helped, err
	}
	c.Partitions, c.Broker = int32(*partitions), contest.Broker(*broker)
	if c.Bootstrap != "" {
		c.Broker = contest.External
	}
	if c.Warmup = *warmup; c.Warmup < 0 {
		c.Warmup = c.Load.Records / 10 * 3
	}
	if c.Broker == contest.Kfake && !*contenders {
		c.Contenders = []contest.Contender{contest.Customer360, contest.Customer360JSON, contest.RawTxn, contest.Raw}
	}
	if err := c.Validate(); err != nil {
		return o, false, fmt.Errorf("%w: %w", err, errUsage)
	}
	return o, false, nil
}

// listFlag reads contenders; set says whether it was given.
func listFlag(f *flag.FlagSet, name string, list *[]contest.Contender, usage string) (set *bool) {
	set = new(bool)
	var names []string
	for _, c := range *list {
		names = append(names, string(c))
	}
	f.Func(name, fmt.Sprintf("%s (default %s)", usage, strings.Join(names, ",")), func(s string) (err error) {
		*set = true
		if s == "" {
			*list = nil
			return nil
		}
		*list, err = contest.Parse(s)
		return err
	})
	return set
}

func merge(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, helped, err := parseMerge(args, stderr)
	if helped || err != nil {
		return err
	}
	origin := result.Origin(o.saved.commit)
	describe(stdout, o.contest, origin)
	rows, err := contest.Run(ctx, o.contest, origin, func(round int, c contest.Contender, rows []result.Row) {
		fmt.Fprintf(stderr, "round %d  %-16s", round, c)
		for _, r := range rows {
			fmt.Fprintf(stderr, "  %s %s", r.Metric, number(r.Value))
		}
		fmt.Fprintf(stderr, "  load average %s\n", loadAverage())
	})
	if err != nil {
		return err
	}
	summaries := result.Summarise(rows)
	table(stdout, summaries)
	ratios(stdout, summaries, result.Customer360)
	fmt.Fprintln(stdout)
	return o.saved.write(stdout, rows)
}

func describe(w io.Writer, c contest.Config, origin result.Row) {
	mix := "asserts alone"
	if c.Load.Mix == load.Mixed {
		mix = "withdraws, stale ones and repeats among them"
	}
	fmt.Fprintf(w, "%d records of %d keys (%s; %s), %d of them warm-up, %d partitions, %d rounds, broker: %s\n",
		c.Load.Records, c.Load.Keys, c.Load.Distribution, mix, c.Warmup, c.Partitions, c.Rounds, c.Broker)
	fmt.Fprintf(w, "%s, %d cores, %s, commit %s, load average %s\n", origin.Machine, origin.Cores, origin.GoVersion, origin.Commit, loadAverage())
	if c.Broker == contest.Kfake {
		fmt.Fprint(w, "kfake is no Kafka: compare contenders of this run, and nothing else.\n")
	}
}
