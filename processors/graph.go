package processors

import (
	"errors"

	"github.com/lovoo/goka"
)

// rawBytes is the codec of all edges: what bytes mean is decided in callbacks,
// where an undecodable record can become a dead letter. A codec's error would
// end the group.
type rawBytes struct{}

var errNoBytes = errors.New("processors: values of topics and tables are bytes")

func (rawBytes) Encode(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errNoBytes
	}
	return b, nil
}

func (rawBytes) Decode(b []byte) (any, error) { return b, nil }

// tableValue is the table's bytes for the key at hand, nil where it has none.
func tableValue(ctx goka.Context) []byte {
	b, _ := ctx.Value().([]byte)
	return b
}

// framing is more than Kafka adds to a record and its batch, headers included;
// the engine reckons with the same.
const framing = 1024

// fits tells whether a record of that size may be produced: a broker that
// refuses it would abort its transaction for ever.
func fits(limit, key, value, headers int) bool { return key+value+headers <= limit-framing }

func headerBytes(h map[string][]byte) int {
	n := 0
	for name, value := range h {
		n += len(name) + len(value)
	}
	return n
}
