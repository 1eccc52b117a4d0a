package generation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/topology"
)

// Replay limits what a new generation reads of one source's raw topic. The
// others are always read from their start. The zero value limits nothing.
type Replay struct {
	Source  string
	Offsets map[int32]int64 // first offset by partition; partitions not named: from their start
	Time    time.Time       // or: records of this time and later, by their timestamps
}

// ParseOffsets reads P=O,...: partitions and their first offsets.
func ParseOffsets(text string) (map[int32]int64, error) {
	offsets := map[int32]int64{}
	for _, field := range strings.Split(text, ",") {
		p, o, ok := strings.Cut(strings.TrimSpace(field), "=")
		partition, err1 := strconv.ParseInt(p, 10, 32)
		offset, err2 := strconv.ParseInt(o, 10, 64)
		if !ok || err1 != nil || err2 != nil || partition < 0 || offset < 0 {
			return nil, fmt.Errorf("%q is no PARTITION=OFFSET, as in 0=1200,1=980", field)
		}
		if _, twice := offsets[int32(partition)]; twice {
			return nil, fmt.Errorf("partition %d is named twice", partition)
		}
		offsets[int32(partition)] = offset
	}
	return offsets, nil
}

// String says it in words, "" for no limit.
func (r Replay) String() string {
	switch {
	case len(r.Offsets) > 0:
		var fields []string
		for _, p := range slices.Sorted(maps.Keys(r.Offsets)) {
			fields = append(fields, fmt.Sprintf("%d=%d", p, r.Offsets[p]))
		}
		return fmt.Sprintf("%s from offsets %s", r.Source, strings.Join(fields, ","))
	case !r.Time.IsZero():
		return fmt.Sprintf("%s from %s", r.Source, r.Time.UTC().Format(time.RFC3339Nano))
	}
	return ""
}

// limit moves the first offsets of the source's topic, which hold its start.
func (r Replay) limit(ctx context.Context, adm *kadm.Client, s topology.Settings, first map[string]map[int32]int64) error {
	if r.String() == "" {
		return nil
	}
	topic := s.RawTopic(r.Source)
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("reading the end of %s: %w", topic, err)
	}
	from := r.Offsets
	if !r.Time.IsZero() {
		listed, err := adm.ListOffsetsAfterMilli(ctx, r.Time.UnixMilli(), topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return fmt.Errorf("looking for records of %s and later in %s: %w", r.Time.Format(time.RFC3339), topic, err)
		}
		from = map[int32]int64{}
		for p, o := range listed[topic] {
			from[p] = max(o.Offset, first[topic][p]) // a log that was cut begins later
			if o.Offset < 0 {
				from[p] = ends[topic][p].Offset
			}
		}
	}
	for p, offset := range from {
		start, ok := first[topic][p]
		if !ok {
			return fmt.Errorf("%w: topic %s has no partition %d: it has %d", ErrRefused, topic, p, len(first[topic]))
		}
		if end := ends[topic][p].Offset; offset < start || offset > end {
			return fmt.Errorf("%w: topic %s, partition %d has offsets from %d to %d, and not %d: nothing is skipped silently",
				ErrRefused, topic, p, start, end, offset)
		}
		first[topic][p] = offset
	}
	return nil
}
