package couchbase_test

import (
	"fmt"
	"strings"
)

// What the words of a transcript are on the wire.

// extrasOf are the fields of extras, in order, each as "name:bytes".
func extrasOf(name string, answer bool) []string {
	token := []string{"vbucket_uuid:8", "seqno:8"}
	layout := map[string][2][]string{
		"GET": {nil, {"flags:4"}}, "GETQ": {nil, {"flags:4"}}, "GET_REPLICA": {nil, {"flags:4"}},
		"INCREMENT": {{"delta:8", "initial:8", "expiry:4"}, token}, "DECREMENT": {{"delta:8", "initial:8", "expiry:4"}, token},
		"TOUCH": {{"expiry:4"}, nil}, "GAT": {{"expiry:4"}, {"flags:4"}},
		"GET_LOCKED":         {{"lock_seconds:4"}, {"flags:4"}},
		"GET_META":           {{"meta_version:1"}, {"deleted:4", "flags:4", "expiry:4", "revision:8", "datatype:1"}},
		"GET_CLUSTER_CONFIG": {{"config_epoch:8", "config_revision:8"}, nil}, "COLLECTIONS_GET_ID": {nil, {"manifest_uid:8", "collection:4"}},
		"SUBDOC_MULTI_LOOKUP": {{"doc_flags:1"}, nil}, "SUBDOC_MULTI_MUTATION": {{"expiry:4", "doc_flags:1"}, token},
		"DELETE": {nil, token}, "DELETEQ": {nil, token}, "APPEND": {nil, token}, "PREPEND": {nil, token},
	}
	for _, store := range []string{"SET", "SETQ", "ADD", "REPLACE"} {
		layout[store] = [2][]string{{"flags:4", "expiry:4"}, token}
	}
	if answer {
		return layout[name][1]
	}
	return layout[name][0]
}

var featureCodes = map[string]uint16{"TLS": 2, "TCP_NODELAY": 3, "MUTATION_SEQNO": 4, "XATTR": 6, "XERROR": 7, "SELECT_BUCKET": 8, "SNAPPY": 10,
	"JSON": 11, "DUPLEX": 12, "UNORDERED_EXECUTION": 14, "TRACING": 15, "ALT_REQUEST_SUPPORT": 16, "SYNC_REPLICATION": 17, "COLLECTIONS": 18,
	"SNAPPY_EVERYWHERE": 19, "PRESERVE_TTL": 20, "VATTR": 21, "PITR": 22, "SUBDOC_CREATE_AS_DELETED": 23, "SUBDOC_DOCUMENT_MACRO_SUPPORT": 24,
	"SUBDOC_REPLACE_BODY_WITH_XATTR": 25, "REPORT_UNIT_USAGE": 26, "SUBDOC_REPLICA_READ": 28, "GET_CLUSTER_CONFIG_WITH_KNOWN_VERSION": 29,
	"DEDUPE_NOT_MY_VBUCKET_CLUSTERMAP": 30, "CLUSTERMAP_CHANGE_NOTIFICATION_BRIEF": 31, "SUBDOC_ALLOWS_ACCESS_ON_MULTIPLE_XATTR_KEYS": 32,
	"UNKNOWN_0x7FFF": 0x7fff}

// usualFeatures is what a scenario negotiates that says nothing of it.
var usualFeatures = strings.Fields(`XATTR SELECT_BUCKET XERROR JSON MUTATION_SEQNO COLLECTIONS ALT_REQUEST_SUPPORT SUBDOC_CREATE_AS_DELETED
	SUBDOC_REPLACE_BODY_WITH_XATTR PRESERVE_TTL SUBDOC_REPLICA_READ SYNC_REPLICATION`)

var bitNames = map[string]byte{
	"json": 1, "snappy": 2, // datatypes; "xattr" is 4 there and in the flags of a spec
	"xattr": 4, "mkdir_p": 1, "expand_macros": 0x10,
	"mkdoc": 1, "add": 2, "access_deleted": 4, "create_as_deleted": 8, "revive": 0x10,
}

func bitsOf(names []string) (b byte, err error) {
	for _, n := range names {
		bit, ok := bitNames[n]
		if !ok {
			return 0, fmt.Errorf("no flag %q", n)
		}
		b |= bit
	}
	return b, nil
}
