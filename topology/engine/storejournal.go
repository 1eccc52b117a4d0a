package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syndtr/goleveldb/leveldb/journal"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// inspect finds what leveldb's checksums do not: writes that are missing as a
// whole, because a file was cut at the edge of a record, removed, or replaced by
// an older one. leveldb numbers all writes; the manifest has the number at which
// the journals go on.
//
// The newest journal is cut behind its last whole record: a process that was
// killed within a write leaves a part of one, which leveldb, being strict, would
// refuse. What is left is the state of an earlier commit.
func inspect(dir string) (why string, err error) {
	journalNum, seq, ok := readManifest(dir)
	if !ok {
		return "", nil // leveldb says what is wrong with it
	}
	journals, err := journalsFrom(dir, journalNum)
	if err != nil {
		return "", err
	}
	next := seq + 1
	for i, path := range journals {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		s := scanJournal(b, next)
		switch {
		case s.gap:
			return "writes are missing before those in " + filepath.Base(path), nil
		case s.end == len(b):
		case i < len(journals)-1:
			return filepath.Base(path) + " is damaged", nil
		default:
			if err := os.Truncate(path, int64(s.end)); err != nil {
				return "", err
			}
		}
		next = s.next
	}
	return "", nil
}

// journalsFrom are the journals that leveldb will replay, in order.
func journalsFrom(dir string, first int64) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	byNumber := map[int64]string{}
	var numbers []int64
	for _, e := range entries {
		var n int64
		if _, err := fmt.Sscanf(e.Name(), "%d.log", &n); err == nil && strings.HasSuffix(e.Name(), ".log") && n >= first {
			byNumber[n] = filepath.Join(dir, e.Name())
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	paths := make([]string, len(numbers))
	for i, n := range numbers {
		paths[i] = byNumber[n]
	}
	return paths, nil
}

// readManifest is what the manifest says about the journals: the first that
// counts, and the number of the last write before it.
func readManifest(dir string) (journalNum int64, seq uint64, ok bool) {
	current, err := os.ReadFile(filepath.Join(dir, "CURRENT"))
	if err != nil {
		return 0, 0, false
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.Base(strings.TrimSpace(string(current)))))
	if err != nil {
		return 0, 0, false
	}
	r := journal.NewReader(bytes.NewReader(b), nil, true, true)
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return journalNum, seq, true
		}
		if err != nil {
			return 0, 0, false
		}
		edit, err := io.ReadAll(record)
		if err != nil || !readEdit(edit, &journalNum, &seq) {
			return 0, 0, false
		}
	}
}

// readEdit reads one record of a manifest: tags, each with its own fields.
func readEdit(b []byte, journalNum *int64, seq *uint64) bool {
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	text := func() {
		n := number()
		b = b[min(n, uint64(len(b))):]
	}
	for len(b) > 0 {
		switch number() {
		case 1: // the comparer's name
			text()
		case 2:
			*journalNum = int64(number())
		case 3, 9: // next file number, previous journal
			number()
		case 4:
			*seq = number()
		case 5: // where compaction has come: level, key
			number()
			text()
		case 6: // a table removed: level, number
			number()
			number()
		case 7: // a table added: level, number, size, first and last key
			number()
			number()
			number()
			text()
			text()
		default:
			return false
		}
	}
	return true
}

type scanned struct {
	end  int    // behind the last whole record
	next uint64 // the number of the write after it
	gap  bool   // a record does not go on where the one before it ended
}

// scanJournal reads records until the first that is not whole. Their format is
// described in goleveldb's package journal; a record is a batch that begins with
// its number and its length.
func scanJournal(b []byte, next uint64) scanned {
	const block, header, full, first, last = 32 << 10, 7, 1, 2, 4
	s := scanned{next: next}
	var batch []byte
	open := false
	for at := 0; ; {
		if left := block - at%block; left < header {
			at += left // the rest of a block is padding
			if at >= len(b) && !open {
				s.end = len(b)
				return s
			}
		}
		if at+header > len(b) {
			return s
		}
		size, kind := int(binary.LittleEndian.Uint16(b[at+4:])), b[at+6]
		to := at + header + size
		begins := kind == full || kind == first
		if kind < full || kind > last || begins == open || to > len(b) || at%block+header+size > block ||
			binary.LittleEndian.Uint32(b[at:]) != util.NewCRC(b[at+6:to]).Value() {
			return s
		}
		if begins {
			batch = batch[:0]
		}
		if len(batch) < 12 {
			batch = append(batch, b[at+header:to]...)
		}
		at, open = to, kind != full && kind != last
		if open {
			continue
		}
		if len(batch) < 12 {
			return s
		}
		number := binary.LittleEndian.Uint64(batch)
		if number > s.next {
			s.gap = true
			return s
		}
		s.end, s.next = at, number+uint64(binary.LittleEndian.Uint32(batch[8:]))
	}
}
