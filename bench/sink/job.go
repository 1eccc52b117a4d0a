package sink

import (
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
)

// generation of all fences.
const generation = 1

// keyOf is the i-th customer's.
func keyOf(i int) string { return fmt.Sprintf("customer.%06d@example.com", i) }

// bodyOf is the i-th customer's document, of some 500 bytes, as merge writes
// them. Each version is another one.
func bodyOf(i, version int) []byte {
	return fmt.Appendf(nil, `{"type":"user","profile":{"name":"Customer Number %06d","address1":"%d %d. Street, behind the old mill","city":"Columbus","state":"OH",`+
		`"zipcode":"%05d","phone":"+1 614 555 %04d","email":"%s","loyaltyPoints":"%d"},"xrefs":[{"external_system":"online_store","external_ID":%d,"pass":"$2a$10$%022d"},`+
		`{"external_system":"home_delivery","external_ID":%d,"pass":"$2a$10$%022d"},{"external_system":"loyalty","external_ID":"%d","pass":"$2a$10$%022d"}]}`,
		i, i%900+1, version, i%100_000, i%10_000, keyOf(i), version*100+i%100, i, i*7, i+1000, i*11, i+2000, i*13)
}

// segment is the messages of an operation: a version of every key.
type segment struct {
	documents int
	version   int // from 1
	removal   bool
}

// segments in the order in which they lie in the topic.
func segments(documents int) (insert, rewrite, remove segment) {
	return segment{documents, 1, false}, segment{documents, 2, false}, segment{documents, 3, true}
}

// fence is the offset in the records topic that the i-th message names.
func (s segment) fence(i int) int64 { return int64(s.version)*int64(s.documents) + int64(i) }

// body is nil where the key is to be removed.
func (s segment) body(i int) []byte {
	if s.removal {
		return nil
	}
	return bodyOf(i, s.version)
}

func (s segment) record(topic string, i int) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(keyOf(i)), Value: s.body(i), Headers: []kgo.RecordHeader{
		{Key: codec.HeaderGeneration, Value: strconv.AppendInt(nil, generation, 10)},
		{Key: codec.HeaderFence, Value: strconv.AppendInt(nil, s.fence(i), 10)}}}
}
