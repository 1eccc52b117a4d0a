package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/screen"
	"customer360/processors/couchbase"
)

func (a *app) getCommand() *cobra.Command {
	var bucket string
	c := &cobra.Command{
		Use: "get KEY...", Short: "Print documents from Couchbase as they are stored",
		Long: `Print documents from Couchbase as they are stored, one after the other: indented on a terminal, else a line each. It
finds the "up" that runs in --dir; --config names another cluster. Exit code 1 if a key is unknown.`,
		Example: "  customer360 get matthew.groves@couchbase.com order::1 order::2\n  customer360 get --bucket staging loyalty-member-27",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, keys []string) error { return a.get(cmd.Context(), bucket, keys) },
	}
	c.Flags().StringVar(&bucket, "bucket", "", "bucket to read (default: that of the documents)")
	return c
}

func (a *app) get(ctx context.Context, bucket string, keys []string) error {
	conf, err := a.load()
	if err != nil {
		return err
	}
	cc := pipeline.CouchbaseConfig(conf)
	target := cc.Documents
	switch bucket {
	case "", cc.Documents.Bucket:
	case cc.Staging.Bucket:
		target = cc.Staging
	case cc.Metadata.Bucket:
		target = cc.Metadata
	default:
		target = couchbase.Target{Bucket: bucket}
	}
	client, err := couchbase.Connect(ctx, cc, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	var missing error
	for _, key := range keys {
		doc, _, err := client.Get(ctx, target, key)
		if errors.Is(err, couchbase.ErrNotFound) {
			missing = errors.Join(missing, fmt.Errorf("%s: there is no such document in bucket %s", key, target.Bucket))
			continue
		}
		if err != nil {
			return err
		}
		if err := a.printDocument(key, doc); err != nil {
			return err
		}
	}
	return missing
}

// printDocument indents for people and keeps the stored bytes for programs.
func (a *app) printDocument(key string, doc json.RawMessage) error {
	if a.output == "json" {
		return a.json(struct {
			Key      string          `json:"key"`
			Document json.RawMessage `json:"document"`
		}{key, doc})
	}
	if screen.IsTerminal(a.out) {
		var b bytes.Buffer
		if json.Indent(&b, doc, "", "  ") == nil {
			doc = b.Bytes()
		}
	}
	_, err := fmt.Fprintf(a.out, "%s\n", doc)
	return err
}
