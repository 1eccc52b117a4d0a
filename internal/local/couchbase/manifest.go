package couchbase

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/syndtr/goleveldb/leveldb"
)

const (
	defaultName       = "_default"
	firstCollectionID = 8 // the engine reserves what lies below, but for 0
)

// manifest is the scopes and collections of a bucket. Ids are kept in the store
// and never used again, so a document stays in its collection whatever the
// configuration says in between.
type manifest struct {
	uid    uint64
	ids    map[string]uint32 // "scope.collection"
	known  map[uint32]bool
	scopes map[string]bool
	json   []byte
}

func openManifest(db *leveldb.DB, bucketID uint32, want map[string][]string) (*manifest, error) {
	m := &manifest{ids: map[string]uint32{}, known: map[uint32]bool{}, scopes: map[string]bool{}}
	m.add(defaultName, defaultName, 0)
	for _, scope := range slices.Sorted(maps.Keys(want)) {
		m.scopes[scope] = true
		for _, name := range slices.Sorted(slices.Values(want[scope])) {
			if scope == defaultName && name == defaultName {
				continue
			}
			prefix := prefixed(keyCollection, bucketID)
			id, err := assignID(db, append(prefixed(keyCollection, bucketID), scope+"\x00"+name...), prefix, firstCollectionID)
			if err != nil {
				return nil, fmt.Errorf("collection %s.%s: %w", scope, name, err)
			}
			m.add(scope, name, id)
		}
	}
	// Grows with the newest collection; SDKs only compare it with what they saw before.
	m.uid = 1
	for id := range m.known {
		m.uid = max(m.uid, uint64(id))
	}
	return m, m.render()
}

func (m *manifest) add(scope, name string, id uint32) {
	m.scopes[scope] = true
	m.ids[scope+"."+name] = id
	m.known[id] = true
}

func (m *manifest) render() error {
	type collection struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	}
	type scope struct {
		Name        string       `json:"name"`
		UID         string       `json:"uid"`
		Collections []collection `json:"collections"`
	}
	out := struct {
		UID    string  `json:"uid"`
		Scopes []scope `json:"scopes"`
	}{UID: strconv.FormatUint(m.uid, 16)}
	for i, name := range slices.Sorted(maps.Keys(m.scopes)) {
		s := scope{Name: name, UID: "0", Collections: []collection{}}
		if name != defaultName {
			s.UID = strconv.FormatInt(firstCollectionID+int64(i), 16)
		}
		for _, path := range slices.Sorted(maps.Keys(m.ids)) {
			if rest, ok := strings.CutPrefix(path, name+"."); ok {
				s.Collections = append(s.Collections, collection{rest, strconv.FormatUint(uint64(m.ids[path]), 16)})
			}
		}
		out.Scopes = append(out.Scopes, s)
	}
	var err error
	m.json, err = json.Marshal(out)
	return err
}

// collectionsGetID answers COLLECTIONS_GET_ID, whose value is "scope.collection".
func collectionsGetID(c *connection, q *request) response {
	scope, name, ok := strings.Cut(string(q.value), ".")
	if !ok || strings.Contains(name, ".") {
		return failure(statusInvalid)
	}
	if scope == "" {
		scope = defaultName
	}
	if name == "" {
		name = defaultName
	}
	m := c.bucket.manifest
	if !m.scopes[scope] {
		return m.unknown(statusUnknownScope)
	}
	id, ok := m.ids[scope+"."+name]
	if !ok {
		return m.unknown(statusUnknownCollection)
	}
	extras := binary.BigEndian.AppendUint64(nil, m.uid)
	return response{extras: binary.BigEndian.AppendUint32(extras, id)}
}

func collectionsGetManifest(c *connection, _ *request) response {
	return response{datatype: datatypeJSON, value: c.bucket.manifest.json}
}

// unknown carries the manifest's uid: an SDK with an older one asks anew.
func (m *manifest) unknown(s status) response {
	value := fmt.Sprintf(`{"error":{"context":"Unknown scope or collection in operation"},"manifest_uid":"%x"}`, m.uid)
	return response{status: s, datatype: datatypeJSON, value: []byte(value)}
}
