package couchbase

import (
	"encoding/json"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"
)

// errorEntry tells an SDK what to make of a status it does not know.
type errorEntry struct {
	Name  string   `json:"name"`
	Desc  string   `json:"desc"`
	Attrs []string `json:"attrs"`
}

func errorEntries() map[status]errorEntry {
	item, retry, internal := "item-only", []string{"retry-later", "temp"}, []string{"internal"}
	return map[status]errorEntry{
		statusOK:                          {"SUCCESS", "Success", []string{"success"}},
		statusNotFound:                    {"KEY_ENOENT", "Not Found", []string{item}},
		statusExists:                      {"KEY_EEXISTS", "The document exists, or its CAS is another", []string{item}},
		memd.StatusTooBig:                 {"E2BIG", "Value is too big", []string{item, "invalid-input"}},
		statusInvalid:                     {"EINVAL", "Invalid packet", []string{"internal", "invalid-input"}},
		memd.StatusNotStored:              {"NOT_STORED", "Not stored", []string{item}},
		memd.StatusBadDelta:               {"DELTA_BADVAL", "The document is not a number", []string{item, "invalid-input"}},
		memd.StatusNotMyVBucket:           {"NOT_MY_VBUCKET", "The vbucket is elsewhere", []string{"fetch-config", "invalid-input"}},
		memd.StatusNoBucket:               {"NO_BUCKET", "No bucket selected", []string{"conn-state-invalidated"}},
		memd.StatusLocked:                 {"LOCKED", "The document is locked", []string{item, "item-locked", "retry-now"}},
		memd.StatusNotLocked:              {"NOT_LOCKED", "The document is not locked", []string{item}},
		memd.StatusAuthError:              {"AUTH_ERROR", "Authentication failed", []string{"conn-state-invalidated", "auth"}},
		memd.StatusAccessError:            {"EACCESS", "Not allowed", []string{"support", "auth"}},
		memd.StatusUnknownCommand:         {"UNKNOWN_COMMAND", "The opcode is not known", []string{"support"}},
		memd.StatusOutOfMemory:            {"ENOMEM", "Out of memory", retry},
		memd.StatusNotSupported:           {"NOT_SUPPORTED", "Not supported", []string{"support"}},
		memd.StatusInternalError:          {"EINTERNAL", "Internal error", internal},
		memd.StatusBusy:                   {"EBUSY", "Busy", retry},
		memd.StatusTmpFail:                {"ETMPFAIL", "Temporary failure", retry},
		statusXattrInvalid:                {"XATTR_EINVAL", "An xattr is not valid", []string{item, "invalid-input"}},
		statusUnknownCollection:           {"UNKNOWN_COLLECTION", "No such collection", []string{"invalid-input"}},
		statusUnknownScope:                {"UNKNOWN_SCOPE", "No such scope", []string{"invalid-input"}},
		memd.StatusDurabilityInvalidLevel: {"DURABILITY_INVALID_LEVEL", "No such durability level", []string{"invalid-input"}},
	}
}

// getErrorMap answers in the version that was asked for, 2 at most.
func getErrorMap(_ *connection, q *request) response {
	if len(q.value) != 2 {
		return invalid("Request value must be a version")
	}
	out := struct {
		Version  int                   `json:"version"`
		Revision int                   `json:"revision"`
		Errors   map[string]errorEntry `json:"errors"`
	}{Version: min(2, int(q.value[0])<<8|int(q.value[1])), Revision: 1, Errors: map[string]errorEntry{}}
	for code, e := range errorEntries() {
		out.Errors[strconv.FormatUint(uint64(code), 16)] = e
	}
	value, err := json.Marshal(out)
	if err != nil {
		return failure(memd.StatusInternalError)
	}
	return response{datatype: datatypeJSON, value: value}
}
