package emitters

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/result"
	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// wanted makes the documents of the store's customers, which the poller then asks
// for, and lets its group begin at them.
func wanted(ctx context.Context, p places) error {
	graph, err := topology.New(settings())
	if err != nil {
		return fmt.Errorf("the topology: %w", err)
	}
	for _, group := range graph.Groups {
		if group.Name != topology.RestpollGroup {
			continue
		}
		first, err := engine.StartOffsets(ctx, p.kafka(), group.Inputs...)
		if err == nil {
			err = engine.CommitFirstOffsets(ctx, p.kafka(), group.Name, first)
		}
		if err != nil {
			return fmt.Errorf("the first offsets of %s: %w", group.Name, err)
		}
	}
	cl, err := kgo.NewClient(append(p.kafka(), kgo.DefaultProduceTopic(graph.Settings.Documents()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.KafkaHasher(topology.Murmur2))))...)
	if err != nil {
		return fmt.Errorf("connecting to the broker: %w", err)
	}
	defer cl.Close()
	generation := strconv.AppendInt(nil, int64(graph.Settings.Generation), 10)
	var failed kgo.FirstErrPromise
	for _, email := range p.Emails {
		key, err := codec.NormalizeEmail(email)
		if err != nil {
			return fmt.Errorf("the store's customer: %w", err)
		}
		cl.Produce(ctx, &kgo.Record{Key: []byte(key), Value: []byte(`{"type":"user"}`),
			Headers: []kgo.RecordHeader{{Key: codec.HeaderGeneration, Value: generation}}}, failed.Promise())
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("producing the documents: %w", err)
	}
	return nil
}

// check refuses what the run left, unless it is right.
func (b *bench) check(ctx context.Context, r run, m measurement, p places) error {
	switch r.contender {
	case result.CSVDir:
		return b.members(ctx, p)
	case result.EncodingCSV:
		if m.Records != int64(b.cfg.Rows) || m.Bytes != b.bytes {
			return fmt.Errorf("%w: %d rows with values of %d bytes were read, %d rows of %d bytes written", ErrVoid, m.Records, m.Bytes, b.cfg.Rows, b.bytes)
		}
	case result.RestPoll:
		return answers(ctx, p)
	}
	return nil
}

// members compares what was published with the file.
func (b *bench) members(ctx context.Context, p places) error {
	place := make([]int32, b.cfg.Rows) // of each id in the file, from 1; 0: seen
	for i := range b.cfg.Rows {
		id, err := strconv.Atoi(memberOf(i, b.cfg.Rows).ID)
		if err != nil {
			return fmt.Errorf("the %d. row: %w", i, err)
		}
		place[id-1] = int32(i + 1)
	}
	seen := 0
	err := engine.ReadToEnd(ctx, p.kafka(), topology.LoyaltyTopic, func(r *kgo.Record) error {
		id, err := strconv.Atoi(string(r.Key))
		if err != nil || id < 1 || id > len(place) || place[id-1] == 0 || !same(r.Value, int(place[id-1])-1, b.cfg.Rows) {
			return fmt.Errorf("%w: member %q is %.200q, which is not its row, or there twice", ErrVoid, r.Key, r.Value)
		}
		place[id-1] = 0
		seen++
		return nil
	})
	if err == nil && seen != b.cfg.Rows {
		err = fmt.Errorf("%w: %d of %d members were published", ErrVoid, seen, b.cfg.Rows)
	}
	return err
}

// answers looks for one answer for each customer.
func answers(ctx context.Context, p places) error {
	missing := map[string]bool{}
	for _, email := range p.Emails {
		key, err := codec.NormalizeEmail(email)
		if err != nil {
			return fmt.Errorf("the store's customer: %w", err)
		}
		missing[key] = true
	}
	err := engine.ReadToEnd(ctx, p.kafka(), settings().RawTopic(codec.OnlineStore), func(r *kgo.Record) error {
		if !missing[string(r.Key)] || len(r.Value) == 0 {
			return fmt.Errorf("%w: an answer of %d bytes that nobody waits for", ErrVoid, len(r.Value))
		}
		delete(missing, string(r.Key))
		return nil
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: %d of %d customers have no answer", ErrVoid, len(missing), len(p.Emails))
	}
	return err
}
