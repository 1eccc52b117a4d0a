package subdoc

import (
	"math"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"
)

// count adds the delta to the integer at the path, which need not be there yet.
func (m Mutation) count(doc []byte, at location) (changed, result []byte, status memd.StatusCode) {
	delta, err := strconv.ParseInt(string(m.Value), 10, 64)
	if err != nil || delta == 0 {
		return nil, nil, memd.StatusSubDocBadDelta
	}
	switch at.status {
	case memd.StatusSubDocPathNotFound:
		result = strconv.AppendInt(nil, delta, 10)
		changed, status = m.create(doc, at, result)
		return changed, result, status
	case memd.StatusSuccess:
	default:
		return nil, nil, at.status
	}
	old, err := strconv.ParseInt(string(at.value.of(doc)), 10, 64)
	switch {
	case isRange(err):
		return nil, nil, memd.StatusSubDocBadRange
	case err != nil:
		return nil, nil, memd.StatusSubDocPathMismatch
	case delta > 0 && old > math.MaxInt64-delta, delta < 0 && old < math.MinInt64-delta:
		return nil, nil, memd.StatusSubDocCantInsert
	}
	result = strconv.AppendInt(nil, old+delta, 10)
	return splice(doc, at.value, result), result, memd.StatusSuccess
}
