package debezium

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"customer360/codec"
)

// Registry knows the schemas that records name by an id.
type Registry interface {
	// JSON turns a value in the wire format of Confluent's schema registry (a
	// byte 0, the schema's id in 4 bytes, most significant first, the value) into
	// what Connect's JsonConverter without schemas would have written. written is
	// the record's time: an id that is unknown just after may be known soon.
	// Errors are those of codec.Decoder.
	JSON(wire []byte, written time.Time) ([]byte, error)
}

// registryRules is the version of what the JSON of a registry's formats looks
// like, as rules is for the decoder.
const registryRules = 1

// The wire format of a schema registry begins with this byte.
const registryMagic = 0x00

// registryHead is the magic byte and the schema's id.
const registryHead = 5

var errRegistry = errors.New("the record is Avro or the like (magic byte 0 of a schema registry): " +
	"set home_delivery.schema_registry.url, or use Connect's JsonConverter for key and value")

func isRegistry(b []byte) bool { return len(b) > 0 && b[0] == registryMagic }

var _ codec.Transcoder = (*Decoder)(nil)

// Transcode implements codec.Transcoder: key and value as JSON, each of them
// on its own.
func (d *Decoder) Transcode(raw *codec.Raw) (*codec.Raw, error) {
	if !isRegistry(raw.Key) && !isRegistry(raw.Value) {
		return raw, nil
	}
	if d.cfg.Registry == nil {
		return nil, errRegistry
	}
	kept := *raw
	var err error
	if kept.Key, err = d.plain(raw.Key, raw.Timestamp); err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	if kept.Value, err = d.plain(raw.Value, raw.Timestamp); err != nil {
		return nil, fmt.Errorf("the value: %w", err)
	}
	return &kept, nil
}

func (d *Decoder) plain(b []byte, written time.Time) ([]byte, error) {
	if !isRegistry(b) {
		return b, nil
	}
	return d.cfg.Registry.JSON(b, written)
}

// registryForm names the form of a key in a registry's format. The schema's id
// is a part of the key's bytes, and so of its form.
func registryForm(key []byte) string {
	if len(key) < registryHead {
		return KeyOther
	}
	return fmt.Sprintf("%s%d", KeyRegistry, binary.BigEndian.Uint32(key[1:]))
}
