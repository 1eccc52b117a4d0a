package simulate

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// position is where a row event stands in the binary log.
type position struct {
	file     int64
	pos      int64
	row      int
	server   int64  // 0 in a snapshot
	gtid     string // empty in a snapshot
	snapshot string // first, true, last; false: streamed
}

const (
	serverID = 223344
	// serverUUID is the source part of MySQL's GTIDs.
	serverUUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

	firstFile    = 3
	firstPos     = 157 // behind the header of a binary log
	bytesPerStep = 512 // more than any event here takes
	fileBytes    = 1 << 30
)

// streamed is the position of a step: rising, and through the files.
func streamed(step int64) position {
	at := step * bytesPerStep
	return position{
		file: firstFile + at/fileBytes, pos: firstPos + at%fileBytes, server: serverID,
		gtid: serverUUID + ":" + strconv.FormatInt(step, 10), snapshot: "false",
	}
}

func snapshotted(marker string) position {
	return position{file: firstFile, pos: firstPos, snapshot: marker}
}

// records are the Kafka records of a change: a tombstone follows every delete.
func (c change) records(topic string, at position, now time.Time) []*kgo.Record {
	at.row = c.row
	id := int64(0)
	if c.after != nil {
		id = c.after.ID
	} else {
		id = c.before.ID
	}
	headers := connectHeaders()
	if c.newKey != nil {
		headers = append(headers, kgo.RecordHeader{Key: "__debezium.newkey", Value: rowKey(*c.newKey)})
	}
	if c.oldKey != nil {
		headers = append(headers, kgo.RecordHeader{Key: "__debezium.oldkey", Value: rowKey(*c.oldKey)})
	}
	record := &kgo.Record{Topic: topic, Key: rowKey(id), Value: c.envelope(at, now), Headers: headers}
	if c.op != 'd' {
		return []*kgo.Record{record}
	}
	return []*kgo.Record{record, {Topic: topic, Key: rowKey(id), Headers: headers}}
}

func connectHeaders() []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: "__debezium.context.connectorLogicalName", Value: []byte("dbserver1")},
		{Key: "__debezium.context.connectorName", Value: []byte("mysql")},
		{Key: "__debezium.context.taskId", Value: []byte("0")},
	}
}

func rowKey(id int64) []byte {
	return append(strconv.AppendInt([]byte(`{"id":`), id, 10), '}')
}

// envelope is the value as Debezium's MySQL connector 3.x writes it with schemas
// off, field by field in its order.
func (c change) envelope(at position, now time.Time) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, `{"before":`...)
	b = appendRow(b, c.before)
	b = append(b, `,"after":`...)
	b = appendRow(b, c.after)
	b = appendSource(b, at, now.Truncate(time.Second)) // MySQL's events have seconds
	b = append(b, `,"transaction":null,"op":"`...)
	b = append(b, c.op)
	b = append(b, '"')
	b = appendTimes(b, now)
	return append(b, '}')
}

func appendRow(b []byte, row *Row) []byte {
	if row == nil {
		return append(b, "null"...)
	}
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, row.ID, 10)
	for _, column := range [...]struct{ name, value string }{
		{"name", row.Name}, {"email", row.Email}, {"password", row.Password}, {"address_line_1", row.Address1},
		{"address_line_2", row.Address2}, {"city", row.City}, {"state", row.State}, {"zipcode", row.Zipcode},
		{"phonenumber", row.Phone},
	} {
		b = append(b, `,"`...)
		b = append(b, column.name...)
		b = append(b, `":`...)
		if column.name == "address_line_2" && column.value == "" {
			b = append(b, "null"...)
			continue
		}
		b = appendText(b, column.value)
	}
	return append(b, '}')
}

func appendSource(b []byte, at position, committed time.Time) []byte {
	b = append(b, `,"source":{"version":"3.3.1.Final","connector":"mysql","name":"dbserver1"`...)
	b = append(b, `,"ts_ms":`...)
	b = strconv.AppendInt(b, committed.UnixMilli(), 10)
	b = append(b, `,"snapshot":"`...)
	b = append(b, at.snapshot...)
	b = append(b, `","db":"inventory","sequence":null`...)
	b = append(b, `,"ts_us":`...)
	b = strconv.AppendInt(b, committed.UnixMicro(), 10)
	b = append(b, `,"ts_ns":`...)
	b = strconv.AppendInt(b, committed.UnixNano(), 10)
	b = append(b, `,"table":"customers","server_id":`...)
	b = strconv.AppendInt(b, at.server, 10)
	b = append(b, `,"gtid":`...)
	if at.gtid == "" {
		b = append(b, "null"...)
	} else {
		b = appendText(b, at.gtid)
	}
	b = append(b, `,"file":"mysql-bin.`...)
	b = appendPadded(b, at.file, 6)
	b = append(b, `","pos":`...)
	b = strconv.AppendInt(b, at.pos, 10)
	b = append(b, `,"row":`...)
	b = strconv.AppendInt(b, int64(at.row), 10)
	if at.snapshot == "false" {
		b = append(b, `,"thread":28`...)
	} else {
		b = append(b, `,"thread":null`...)
	}
	return append(b, `,"query":null}`...)
}

func appendTimes(b []byte, now time.Time) []byte {
	b = append(b, `,"ts_ms":`...)
	b = strconv.AppendInt(b, now.UnixMilli(), 10)
	b = append(b, `,"ts_us":`...)
	b = strconv.AppendInt(b, now.UnixMicro(), 10)
	b = append(b, `,"ts_ns":`...)
	return strconv.AppendInt(b, now.UnixNano(), 10)
}

func appendPadded(b []byte, n int64, width int) []byte {
	digits := strconv.FormatInt(n, 10)
	for range width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// appendText appends a JSON string as Jackson and .NET write it here: UTF-8 as
// it is, only quotes, backslashes and control characters escaped.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
