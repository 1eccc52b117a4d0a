package verify

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/processors"
	"customer360/topology"
	"customer360/topology/engine"
)

// readLog folds what the log has got since the last time.
func (v *run) readLog(ctx context.Context) error {
	err := v.reader.Read(ctx, func(r *kgo.Record) error {
		if r.Offset >= v.dataEnd[r.Partition] {
			v.dataEnd[r.Partition] = r.Offset + 1
		}
		e, ok := readEntry(r)
		if !ok {
			return nil // a dead letter of the sink's
		}
		v.records++
		v.progress("reading the log", "records", v.records)
		v.encoded = e.append(v.encoded[:0])
		return v.log.Put(r.Key, v.encoded)
	})
	if err != nil {
		return err
	}
	return v.log.Flush()
}

// readQuarantined notes the keys that merge has quarantined.
func (v *run) readQuarantined(ctx context.Context) error {
	table := topology.Group{Name: v.cfg.Settings.MergeGroup(), Table: true}.TableTopic()
	err := engine.ReadToEnd(ctx, v.deps.Kafka, table, func(r *kgo.Record) error {
		if r.Key != nil && processors.IsQuarantined(r.Value) {
			return v.quarantined.Put(r.Key, nil)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading which keys are quarantined: %w", err)
	}
	return v.quarantined.Flush()
}

// committed is where the sink stands, by partition.
func (v *run) committed(ctx context.Context) (map[int32]int64, error) {
	offsets, err := v.admin.FetchOffsets(ctx, v.cfg.Settings.SinkGroup())
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("the offsets of group %s: %w", v.cfg.Settings.SinkGroup(), err)
	}
	at := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == v.cfg.Settings.Documents() {
			at[o.Partition] = o.At
		}
	})
	return at, nil
}

// await waits until the sink has committed all that the log was read to, or has
// stood still for the configured time; it returns where the sink stands.
func (v *run) await(ctx context.Context) (map[int32]int64, error) {
	var before map[int32]int64
	moved := time.Now()
	for {
		at, err := v.committed(ctx)
		if err != nil {
			return nil, err
		}
		behind := int64(0)
		for p, end := range v.dataEnd {
			behind += max(0, end-at[p])
		}
		if !maps.Equal(at, before) {
			before, moved = at, time.Now()
		}
		if behind == 0 || time.Since(moved) >= v.cfg.Wait {
			return at, nil
		}
		v.progress("waiting for the sink", "records_behind", behind)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
