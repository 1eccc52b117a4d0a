package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/generation"
)

func (a *app) topicsCommand() *cobra.Command {
	c := &cobra.Command{Use: "topics", Short: "Create and check the topology's topics on a cluster",
		Example: "  customer360 topics check --config customer360.yaml"}
	c.AddCommand(&cobra.Command{
		Use: "create", Short: "Create the topics that are missing, with the right settings",
		Example: "  customer360 topics create --config customer360.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.createTopics(cmd.Context()) },
	}, &cobra.Command{
		Use: "check", Short: "Say every difference between the cluster and the topology, with its remedy",
		Long:    "Say every difference between the cluster and the topology, with its remedy. Exit code 1 if there is one.",
		Example: "  customer360 topics check --config customer360.yaml --output json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.checkTopics(cmd.Context()) },
	})
	return c
}

// cluster opens a client and the graph of the generation that serves or, before
// there is one, that its partition counts give.
func (a *app) cluster(ctx context.Context) (*kgo.Client, topology.Graph, int16, error) {
	conf, opts, err := a.kafka()
	if err != nil {
		return nil, topology.Graph{}, 0, err
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, topology.Graph{}, 0, usage(err)
	}
	s, err := generation.Resolve(ctx, opts, pipeline.Settings(conf))
	if err != nil {
		cl.Close()
		return nil, topology.Graph{}, 0, err
	}
	g, err := topology.New(s)
	if err != nil {
		cl.Close()
		return nil, topology.Graph{}, 0, usage(err)
	}
	return cl, g, conf.Kafka.ReplicationFactor, nil
}

func (a *app) createTopics(ctx context.Context) error {
	cl, g, replicas, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	created, err := admin.Create(ctx, cl, g, replicas)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(struct {
			Created []string `json:"created"`
			Topics  int      `json:"topics"`
		}{append([]string{}, created...), len(g.Topics)})
	}
	for _, name := range created {
		fmt.Fprintln(a.out, "created", name)
	}
	_, err = fmt.Fprintf(a.out, "%d of %d topics created, the others were there\n", len(created), len(g.Topics))
	return err
}

func (a *app) checkTopics(ctx context.Context) error {
	cl, g, _, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	diffs, err := admin.Check(ctx, cl, g)
	if err != nil {
		return err
	}
	if a.output == "json" {
		if err := a.json(append([]admin.Difference{}, diffs...)); err != nil {
			return err
		}
	} else {
		for _, d := range diffs {
			fmt.Fprintln(a.out, d)
		}
	}
	if len(diffs) > 0 {
		return fmt.Errorf("%d differences in %d topics", len(diffs), len(g.Topics))
	}
	if a.output == "text" {
		_, err = fmt.Fprintf(a.out, "all %d topics are as they should be\n", len(g.Topics))
	}
	return err
}
