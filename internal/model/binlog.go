package model

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// binlogPlace is where in the binlog a record stands.
type binlogPlace struct {
	known            bool
	file, pos, row   int64
	domain, sequence int64 // of the GTID, where pos is 0
	order            int64 // in the transaction
}

// compare orders two places; decided is false where they cannot be compared.
func (p binlogPlace) compare(q binlogPlace) (order int, decided bool) {
	switch {
	case !p.known || !q.known:
		return 0, false
	case p.file != q.file:
		return cmp.Compare(p.file, q.file), true
	case p.pos > 0 && q.pos > 0:
		inside := cmp.Compare(p.row, q.row)
		if min(p.order, q.order) > 0 {
			inside = cmp.Compare(p.order, q.order)
		}
		return cmp.Or(cmp.Compare(p.pos, q.pos), inside), true
	case p.sequence == 0 || q.sequence == 0 || p.domain != q.domain:
		return 0, false
	case p.sequence != q.sequence:
		return cmp.Compare(p.sequence, q.sequence), true
	case p.order > 0 && q.order > 0:
		return cmp.Compare(p.order, q.order), true
	}
	return 0, false
}

// binlogEvent is what accept needs to know of a record.
type binlogEvent struct {
	deletes, creates, snapshot bool
	server                     int64 // 0: unknown
	at                         binlogPlace
	time                       int64 // source.ts_ms, 0: unknown
}

// binlogState is what a row's accepted records leave.
type binlogState struct {
	refusedDelete bool // the last record was a d that was refused
	created       bool // the last accepted one was a streamed c
	gone          bool // the last accepted one was a d or a tombstone
	server        int64
	at            binlogPlace
	time          int64 // of the last accepted one with a time
	left          []int64
}

// acceptTombstone: its d may have been compacted away, so it withdraws; unless
// it follows a d that was refused, and no sweep has written it.
func (s *binlogState) acceptTombstone(swept bool) bool {
	accepted := swept || !s.refusedDelete
	s.refusedDelete = false
	if accepted {
		s.gone = true
	}
	return accepted
}

func (s *binlogState) accept(e binlogEvent) bool {
	if !s.isNewer(e) {
		s.refusedDelete = e.deletes
		return false
	}
	s.refusedDelete, s.created, s.gone = false, e.creates && !e.snapshot, e.deletes
	s.time = cmp.Or(e.time, s.time)
	if e.snapshot {
		s.at, s.left = e.at, nil
		return true
	}
	if !e.at.known {
		return true
	}
	s.at = e.at
	if e.server != 0 && e.server != s.server {
		if s.server != 0 {
			s.left = append(s.left, s.server)
			s.left = s.left[max(0, len(s.left)-32):]
		}
		s.server = e.server
	}
	return true
}

func (s *binlogState) isNewer(e binlogEvent) bool {
	if e.snapshot || !e.at.known {
		return true
	}
	if e.server != 0 && e.server != s.server {
		return !slices.Contains(s.left, e.server)
	}
	order, decided := e.at.compare(s.at)
	if !decided || order > 0 {
		return true
	}
	return s.gone && e.creates && s.time > 0 && e.time > s.time || order == 0 && (!s.created || !e.deletes)
}

func (m *Model) event(r *Raw, op string, image, from, transaction map[string][]byte) (decoded, error) {
	e := binlogEvent{deletes: op == "d", creates: op == "c", snapshot: op == "r" || isSnapshot(from["snapshot"])}
	var err error
	if e.at, err = placeOf(from, transaction); err != nil {
		return decoded{}, err
	}
	e.time, _ = natural(from["ts_ms"])
	if seconds, err := natural(from["ts_sec"]); err == nil && e.time == 0 && seconds <= math.MaxInt64/1000 {
		e.time = 1000 * seconds // of 0.9
	}
	if e.server, err = natural(from["server_id"]); err != nil {
		return decoded{}, err
	}
	d := decoded{accept: func(s *said) bool { return s.binlog.accept(e) }}
	if e.deletes {
		return d, nil
	}
	err = m.rowSays(r, image, &d)
	return d, err
}

// isSnapshot: true, or any text but "" and "false".
func isSnapshot(marker []byte) bool {
	if kind(marker) == '"' {
		s := unquote(marker)
		return s != "" && !strings.EqualFold(s, "false")
	}
	return kind(marker) == 't'
}

func placeOf(from, transaction map[string][]byte) (binlogPlace, error) {
	p := binlogPlace{known: true}
	file := from["file"]
	if file == nil || kind(file) == 'n' || string(file) == `""` {
		return binlogPlace{}, nil
	}
	if kind(file) != '"' {
		return p, errRefused
	}
	name := unquote(file)
	number, err := strconv.ParseUint(name[strings.LastIndex(name, ".")+1:], 10, 63)
	if err != nil {
		return p, errRefused
	}
	p.file = int64(number)
	if pos := from["pos"]; !bytes.HasPrefix(pos, []byte("-")) || bytes.HasPrefix(pos, []byte("-0")) {
		if p.pos, err = natural(pos); err != nil {
			return p, err
		}
	}
	if p.row, err = natural(from["row"]); err != nil {
		return p, err
	}
	order, orderErr := natural(transaction["total_order"])
	p.order = order
	if p.pos > 0 {
		return p, nil
	}
	if p.domain, p.sequence = gtid(from["gtid"]); p.sequence == 0 {
		p.domain, p.sequence = gtid(transaction["id"])
	}
	return p, orderErr
}

// natural is an integer from 0, 0 for null and where there is none.
func natural(b []byte) (int64, error) {
	if k := kind(b); k == 0 || k == 'n' {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(b), 10, 63)
	if err != nil {
		return 0, errRefused
	}
	return int64(n), nil
}

// gtid reads uuid:sequence and domain-server-sequence.
func gtid(b []byte) (domain, sequence int64) {
	if kind(b) != '"' {
		return 0, 0
	}
	number := func(s string) int64 {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			return 0
		}
		return int64(n)
	}
	s := unquote(b)
	if i := strings.LastIndex(s, ":"); i >= 0 {
		return 0, number(s[i+1:])
	}
	if parts := strings.SplitN(s, "-", 3); len(parts) == 3 {
		return number(parts[0]), number(parts[2])
	}
	return 0, 0
}

// rowSays fills in what a row asserts.
func (m *Model) rowSays(r *Raw, row map[string][]byte, d *decoded) error {
	if row["email"] == nil {
		return errRefused
	}
	texts := map[string]string{}
	for field, value := range row {
		var err error
		if field == "id" {
			continue
		}
		if texts[field], err = text(value); err != nil {
			return err
		}
		if texts[field] == "__debezium_unavailable_value" {
			return errRefused
		}
	}
	id, err := "", error(nil)
	if v := row["id"]; v != nil && kind(v) != 'n' {
		id, err = scalarID(v)
	} else {
		id, err = keyID(r.Key)
	}
	if err != nil {
		return err
	}
	key, err := emailKey(texts["email"])
	if err != nil {
		d.unusable = true
		return nil
	}
	name := strings.TrimSpace(texts["name"])
	if name == "" {
		name = joined(texts["first_name"], texts["last_name"])
	}
	d.asserts = map[string]assertion{key: {id: id, pass: m.keptPass(texts["pass"]), profile: profile(
		"name", name, "email", strings.TrimSpace(texts["email"]), "address1", texts["address1"], "address2", texts["address2"],
		"city", texts["city"], "state", texts["state"], "zipcode", texts["zipcode"], "phone", texts["phone"])}}
	return nil
}
