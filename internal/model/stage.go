package model

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Staged is a document of the bucket staging.
type Staged struct {
	Body    []byte
	Expires time.Time // whole seconds, as Couchbase keeps it; zero: never
}

// stagedRecord is the newest record under a key. Raw keys that lie on a wrong
// partition have offsets of two logs: the fence takes the greater.
type stagedRecord struct {
	Staged
	removed bool
	offset  int64
}

// stage keeps what is JSON. Heartbeats and their like are no rows; what cannot
// be decoded is kept, to be looked at.
func (m *Model) stage(r *Raw, source string, ignored bool) {
	key, expiry := "loyalty-member-"+string(r.Key), m.options.LoyaltyExpiry
	if source == homeDelivery {
		key, expiry = homeStagingKey(r.Key), m.options.HomeDeliveryExpiry
	}
	if r.Key == nil || len(key) > maxKey || !utf8.ValidString(key) {
		return
	}
	if before, ok := m.staged[key]; ok && before.offset >= r.Offset {
		return
	}
	s := stagedRecord{offset: r.Offset}
	switch {
	case r.Value == nil || string(bytes.TrimSpace(r.Value)) == "null":
		s.removed = true
	case ignored, !json.Valid(r.Value):
		return
	default:
		s.Body = r.Value
		if expiry > 0 {
			s.Expires = time.Unix(r.Timestamp.Add(expiry).Unix(), 0)
		}
	}
	m.staged[key] = s
}

// homeStagingKey is the Kafka key's text; the payload's where the key with its
// schema is too long.
func homeStagingKey(key []byte) string {
	if payload, ok := keyPayload(key); ok && len(key) > maxKey {
		return string(payload)
	}
	return string(key)
}

// Staged is the bucket staging, by key: the documents that are alive at now.
func (m *Model) Staged(now time.Time) map[string]Staged {
	alive := map[string]Staged{}
	for key, s := range m.staged {
		if !s.removed && (s.Expires.IsZero() || s.Expires.After(now)) {
			alive[key] = s.Staged
		}
	}
	return alive
}
