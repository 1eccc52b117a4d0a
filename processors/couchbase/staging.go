package couchbase

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"customer360/codec"
	"customer360/codec/debezium"
)

// LoyaltyKeyPrefix precedes a member's id in the key of the raw document.
const LoyaltyKeyPrefix = "loyalty-member-"

// Why a raw record is no document of the bucket staging. rekey reads the same
// record and makes the dead letter where one is due.
const (
	skipNullKey = "null key"
	skipKey     = "key too long or not UTF-8"
	skipNotJSON = "not JSON"
	skipExpired = "expired"
)

// staging makes documents of a source's raw records.
type staging struct {
	generation int64
	key        func(raw []byte) string
	decoder    codec.Decoder // says what is no row; nil: everything is
	expiry     time.Duration
	now        func() time.Time
}

func newStaging(cfg Config, deps Deps, source string) (*staging, error) {
	s := &staging{generation: int64(deps.Settings.Generation), now: deps.Now, decoder: deps.Decoder}
	switch source {
	case codec.HomeDelivery:
		s.key, s.expiry = homeDeliveryKey, cfg.HomeDeliveryExpiry
		if s.decoder == nil {
			d, err := debezium.New(debezium.DefaultConfig())
			if err != nil {
				return nil, err
			}
			s.decoder = d
		}
	case codec.Loyalty:
		s.key, s.expiry = loyaltyKey, cfg.LoyaltyExpiry
	default:
		return nil, fmt.Errorf("couchbase: the raw documents of %q are not kept in staging: use %s or %s", source, codec.HomeDelivery, codec.Loyalty)
	}
	return s, nil
}

func (s *staging) route(raw *codec.Raw) route {
	if raw.Key == nil {
		return route{skip: skipNullKey}
	}
	if t, ok := s.decoder.(codec.Transcoder); ok {
		kept, err := t.Transcode(raw)
		switch {
		case errors.Is(err, codec.ErrLater), errors.Is(err, codec.ErrHalt):
			return route{fail: err}
		case err != nil:
			return route{skip: skipNotJSON}
		}
		raw = kept
	}
	r := route{key: s.key(raw.Key), mutation: mutation{fence: Fence{s.generation, raw.Offset + 1}}}
	if !validKey(r.key) {
		return route{skip: skipKey}
	}
	if raw.Value == nil || string(bytes.TrimSpace(raw.Value)) == "null" {
		return r // a removal
	}
	if skip := s.foreign(raw); skip != "" {
		return route{skip: skip}
	}
	if s.expiry > 0 {
		// Absolute: a relative one would begin anew with every retry and replay.
		end := raw.Timestamp.Add(s.expiry)
		if !end.After(s.now()) {
			return route{skip: skipExpired}
		}
		r.expiry = uint32(end.Unix())
	}
	r.body = raw.Value
	return r
}

// foreign says why a record is no row of the source, "" where it is one. A row
// that the decoder does not understand is kept: here it can be looked at.
func (s *staging) foreign(raw *codec.Raw) string {
	if s.decoder != nil {
		if change, err := s.decoder.Decode(raw); err == nil {
			return change.Ignored
		}
	}
	if !validJSON(raw.Value) {
		return skipNotJSON
	}
	return ""
}

func loyaltyKey(raw []byte) string { return LoyaltyKeyPrefix + string(raw) }

// homeDeliveryKey is the Kafka key's text, as Couchbase's own connector keeps
// it. A key with its schema may be longer than a document's key can be: then
// its payload's text.
func homeDeliveryKey(raw []byte) string {
	if len(raw) <= codec.MaxKeyBytes || debezium.KeyForm(raw) != debezium.KeyWrapped {
		return string(raw)
	}
	var wrapped struct {
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return string(raw)
	}
	return string(wrapped.Payload)
}
