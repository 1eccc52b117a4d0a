package verify

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/processors/couchbase"
)

// entry is the newest message of a key.
type entry struct {
	fence     couchbase.Fence
	partition int32
	offset    int64
	body      []byte // nil: removed
}

// readEntry reads a record as the sink does; ok is false for one that the sink
// makes a dead letter of.
func readEntry(r *kgo.Record) (e entry, ok bool) {
	headers := make(map[string][]byte, len(r.Headers))
	for _, h := range r.Headers {
		headers[h.Key] = h.Value
	}
	_, fence, body, err := couchbase.ReadDocument(&codec.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: headers})
	return entry{fence: fence, partition: r.Partition, offset: r.Offset, body: body}, err == nil
}

// append encodes: 1 or 0 for a body or none, then fence, partition and offset as
// uvarints, then the body.
func (e entry) append(b []byte) []byte {
	there := byte(0)
	if e.body != nil {
		there = 1
	}
	b = append(b, there)
	for _, n := range []int64{e.fence.Generation, e.fence.Offset, int64(e.partition), e.offset} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return append(b, e.body...)
}

var errEntry = errors.New("the temporary folder holds what was not written there")

// parseEntry is the inverse; nil bytes are no entry. The body refers to b.
func parseEntry(b []byte) (*entry, error) {
	if b == nil {
		return nil, nil
	}
	if len(b) == 0 || b[0] > 1 {
		return nil, errEntry
	}
	there, b := b[0] == 1, b[1:]
	var numbers [4]int64
	for i := range numbers {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errEntry
		}
		numbers[i], b = int64(n), b[size:]
	}
	e := &entry{fence: couchbase.Fence{Generation: numbers[0], Offset: numbers[1]}, partition: int32(numbers[2]), offset: numbers[3]}
	if there {
		e.body = b[:len(b):len(b)]
	}
	return e, nil
}
