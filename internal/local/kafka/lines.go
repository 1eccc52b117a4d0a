package kafka

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
)

// logLine is an entry of kfake's append logs: length and CRC-32C of what
// follows, a version, JSON.
type logLine struct {
	at   int64
	data []byte
}

const (
	lineHeader  = 10
	lineVersion = 1
)

// readLines stops at the first entry that is cut short, as kfake does.
func readLines(path string) (lines []logLine, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for at := 0; at+lineHeader <= len(raw); {
		length := int(binary.LittleEndian.Uint32(raw[at:]))
		if length < 2 || at+8+length > len(raw) {
			break
		}
		body := raw[at+8 : at+8+length]
		if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(raw[at+4:]) {
			break
		}
		lines = append(lines, logLine{int64(at), body[2:]})
		at += 8 + length
	}
	return lines, err
}

// appendLines appends entries behind the last whole one, durably.
func appendLines(path string, entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	lines, err := readLines(path)
	if err != nil {
		return err
	}
	end := int64(0)
	if n := len(lines); n > 0 {
		end = lines[n-1].at + lineHeader + int64(len(lines[n-1].data))
	}
	var out []byte
	for _, entry := range entries {
		body := append(binary.LittleEndian.AppendUint16(nil, lineVersion), entry...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
		out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
		out = append(out, body...)
	}
	return writeAt(path, out, end)
}
