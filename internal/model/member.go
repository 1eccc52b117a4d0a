package model

import (
	"cmp"
	"strconv"
	"strings"

	"customer360/codec"
)

// filePosition is a row's place in the order of all imports.
type filePosition struct {
	mtime int64
	hash  string
	row   int64
}

func (p filePosition) compare(q filePosition) int {
	return cmp.Or(cmp.Compare(p.mtime, q.mtime), strings.Compare(p.hash, q.hash), cmp.Compare(p.row, q.row))
}

func (m *Model) decodeMember(r *Raw) (decoded, error) {
	if r.Key == nil {
		return decoded{ignored: true}, nil
	}
	at, err := filePositionOf(r.Headers)
	if err != nil {
		return decoded{}, err
	}
	d := decoded{accept: func(s *said) bool {
		if at == nil {
			return true
		}
		if s.file != nil && at.compare(*s.file) <= 0 {
			return false
		}
		s.file = at
		return true
	}}
	if r.Value == nil {
		return d, nil
	}
	if checkJSON(r.Value) != nil || kind(r.Value) != '{' || hasTwin(r.Value) {
		return decoded{}, errRefused
	}
	row := map[string]string{}
	for _, c := range members(r.Value) {
		switch c.name {
		case "id", "password", "firstName", "lastName", "email", "points":
			if k := kind(c.value); k == '0' {
				row[c.name] = string(c.value) // of any length
			} else if row[c.name], err = text(c.value); err != nil {
				return decoded{}, err
			}
		}
	}
	if row["id"] == "" {
		row["id"] = string(r.Key)
	}
	key, err := emailKey(row["email"])
	if err != nil {
		d.unusable = true
		return d, nil
	}
	d.asserts = map[string]assertion{key: {id: quoteID(row["id"]), pass: m.keptPass(row["password"]), profile: profile(
		"name", joined(row["firstName"], row["lastName"]), "email", strings.TrimSpace(row["email"]), "loyaltyPoints", row["points"])}}
	return d, nil
}

// filePositionOf reads the headers: nil where there is none of the three.
func filePositionOf(headers map[string][]byte) (*filePosition, error) {
	mtime, hash, row := headers[codec.HeaderFileTime], headers[codec.HeaderFileHash], headers[codec.HeaderFileRow]
	if mtime == nil && hash == nil && row == nil {
		return nil, nil
	}
	p := filePosition{hash: string(hash)}
	var err1, err2 error
	p.mtime, err1 = strconv.ParseInt(string(mtime), 10, 64)
	p.row, err2 = strconv.ParseInt(string(row), 10, 64)
	if err1 != nil || err2 != nil || p.row < 1 || len(hash) != 64 || strings.Trim(p.hash, "0123456789abcdef") != "" {
		return nil, errRefused
	}
	return &p, nil
}
