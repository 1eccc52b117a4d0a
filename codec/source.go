package codec

import (
	"errors"
	"time"
)

// Names of the three source systems, as documents show them in
// xrefs[].external_system.
const (
	HomeDelivery = "home_delivery"
	Loyalty      = "loyalty"
	OnlineStore  = "online_store"
)

// Raw is a record of a raw topic. Its bytes belong to the reader: a decoder
// copies what it keeps beyond the call.
type Raw struct {
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  time.Time
	Key, Value []byte // nil: null
	Headers    map[string][]byte
}

// Source declares one source system: the one place that knows its topic, its
// records, its order and its fields.
type Source struct {
	Name    string // external_system, and the suffix of its rekey group
	Topic   string // raw topic
	Primary bool   // a customer exists while a primary source asserts it
	Decoder Decoder
}

// Decoder turns raw records into assertions and knows their order. Both
// methods are pure and safe for concurrent use.
type Decoder interface {
	// Decode says what the raw record asserts. An error makes it a dead
	// letter that changes nothing, except one that is ErrLater or ErrHalt; it
	// never repeats secrets.
	Decode(raw *Raw) (Change, error)

	// Accept is the only rule that knows the source's order. state is what it
	// returned for this identity's last accepted record, nil at first. It
	// returns the identity's next state and whether the change counts; when it
	// does not, next may still differ from state (a refused delete is noted).
	Accept(state []byte, c *Change) (next []byte, accepted bool)

	// Fingerprint names what decides the decoder's output: its version, field
	// mapping, epoch, pass mode. It is part of a generation's hash.
	Fingerprint() string
}

// Errors of Decode that say nothing about the record.
var (
	// ErrLater: what is needed to decode the record cannot be had for now (a
	// schema registry is away). The record waits and is decoded again.
	ErrLater = errors.New("the record waits")
	// ErrHalt: what is needed to decode the record is refused until an operator
	// mends the configuration. The source stops before the record.
	ErrHalt = errors.New("the source stops")
)

// Transcoder is a Decoder whose records may come in another encoding than the
// one that they are kept in.
type Transcoder interface {
	// Transcode returns the record as it is kept, or raw itself where it is so
	// already. Errors are those of Decode.
	Transcode(raw *Raw) (*Raw, error)
}

// Change is a decoded raw record.
type Change struct {
	// Ignored names why the record is none of ours (heartbeat, ddl, other
	// table, truncate, ...): counted under this label, nothing else happens.
	Ignored string
	// Position is the record's place in its source's order, in the decoder's
	// own encoding, for Accept.
	Position []byte
	// Assertions is all that the identity asserts from now on, each document
	// key once. Empty: it asserts nothing (deleted, 404, no usable email).
	Assertions []Assertion
	// Problem is set where the record was decodable but unusable (no usable
	// email): it counts, with Assertions empty, and becomes a dead letter too.
	Problem error
}

// Assertion is one document of which the identity knows something.
type Assertion struct {
	Key    string // document key: normalised email, or order::<OrderId>
	Fields Fields
}

// Headers of Kafka records that this product writes. Integers are decimal text.
const (
	HeaderGeneration = "c360.generation" // documents: number of the generation
	HeaderFence      = "c360.fence"      // documents: offset in customer360.records plus 1
	HeaderFileTime   = "c360.file.mtime" // loyalty.members: the file's mtime, Unix nanoseconds
	HeaderFileHash   = "c360.file.hash"  // loyalty.members: SHA-256 of the file's content, hex
	HeaderSweepBy    = "c360.sweep.by"   // nulls in raw topics that customer360 sweep has written: who
	HeaderSweepWhy   = "c360.sweep.why"  //nolint:gosec // no credential: why, the snapshot that does not hold the row
	HeaderFileRow    = "c360.file.row"   // loyalty.members: row in the file, from 1; rows + 1 for withdrawals
)
