// Command goka-stock is the merge job on goka v1.1.15 as it comes: default
// leveldb storage, default producer and consumer group, encoding/json codecs.
// Only what its documentation or a sane operation asks for is set: acks=all,
// the oldest offset, a current protocol version, Kafka's partitioner, and snappy
// as all contenders have. It prints a measurement as one JSON line when its
// group has committed the last record.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"customer360/bench/peers/merge"
)

type options struct {
	bootstrap, group, in, out, generation, dir string
	records, warmup                            int64
	verbose                                    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "goka-stock:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.bootstrap, "bootstrap", "127.0.0.1:9092", "broker addresses")
	flag.StringVar(&o.group, "group", "merge.g2", "goka group")
	flag.StringVar(&o.in, "in", "customer360.records.g2", "the records")
	flag.StringVar(&o.out, "out", "customer360.documents.g2", "the documents")
	flag.StringVar(&o.generation, "generation", "2", "as the documents' header has it")
	flag.StringVar(&o.dir, "state-dir", "state", "folder of the local storage")
	flag.Int64Var(&o.records, "records", 1_000_000, "records to process")
	flag.Int64Var(&o.warmup, "warmup", 0, "records before measuring starts")
	flag.BoolVar(&o.verbose, "v", false, "goka's log")
	flag.Parse()

	config := goka.DefaultConfig()
	config.Version = sarama.V3_6_0_0 // the default, 2.0, is older than what Kafka 4 promises to serve
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = sarama.CompressionSnappy
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	goka.ReplaceGlobalConfig(config)
	topics := goka.NewTopicManagerConfig()
	topics.Table.Replication, topics.Stream.Replication = 1, 1

	m := newMeter(o.warmup, o.records)
	graph := goka.DefineGroup(goka.Group(o.group),
		goka.Input(goka.Stream(o.in), jsonCodec[merge.Record]{}, callback(o, m)),
		goka.Output(goka.Stream(o.out), rawCodec{}),
		goka.Persist(jsonCodec[merge.State]{}),
	)
	logger := log.New(io.Discard, "", 0)
	if o.verbose {
		logger = log.Default()
	}
	p, err := goka.NewProcessor(strings.Split(o.bootstrap, ","), graph,
		goka.WithStorageBuilder(storage.DefaultBuilder(o.dir)),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(config, topics)),
		goka.WithHasher(func() hash.Hash32 { return new(murmur2) }), // as the producer of the input
		goka.WithLogger(logger),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	select {
	case err := <-ended:
		return errors.Join(errors.New("the processor ended early"), err)
	case <-m.done:
	}
	if err := awaitCommit(ctx, o, config); err != nil {
		return err
	}
	if err := m.committed(); err != nil {
		return err
	}
	cancel() // waits for the open emits
	if err := <-ended; err != nil {
		return err
	}
	return m.report(o)
}

func callback(o options, m *meter) goka.ProcessCallback {
	generation := []byte(o.generation)
	return func(ctx goka.Context, message any) {
		m.begin()
		defer m.processed()
		var s merge.State
		if v := ctx.Value(); v != nil {
			s = *v.(*merge.State)
		}
		changed, effect, document, err := s.Apply(message.(*merge.Record))
		if err != nil {
			ctx.Fail(err)
		}
		if !changed {
			return
		}
		ctx.SetValue(&s)
		headers := goka.WithCtxEmitHeaders(goka.Headers{
			"c360.generation": generation, "c360.fence": strconv.AppendInt(nil, ctx.Offset()+1, 10)})
		switch effect {
		case merge.Written:
			ctx.Emit(goka.Stream(o.out), ctx.Key(), document, headers)
		case merge.Removed:
			ctx.Emit(goka.Stream(o.out), ctx.Key(), nil, headers)
		}
	}
}
