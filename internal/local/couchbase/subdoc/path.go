package subdoc

import (
	"strconv"
	"strings"

	"github.com/couchbase/gocbcore/v10/memd"
)

// The limits of a path that the engine documents.
const (
	maxPathBytes  = 1024
	maxPathLength = 32
)

// step is one component of a path: a member's name or an element's index.
// Index -1 is the last element.
type step struct {
	name    string
	index   int
	isIndex bool
}

// Path names a value within a document: members by name, elements by [index].
// The empty path is the document itself.
type Path []step

// ParsePath reads `a.b[0].c`. A name with a dot or bracket in it stands in
// backticks, a backtick in it is doubled.
func ParsePath(text string) (Path, memd.StatusCode) {
	if len(text) > maxPathBytes {
		return nil, memd.StatusSubDocPathTooBig
	}
	var path Path
	rest := text
	for first := true; rest != ""; first = false {
		var s step
		var ok bool
		switch {
		case rest[0] == '[':
			s, rest, ok = parseIndex(rest)
		case first:
			s, rest, ok = parseName(rest)
		case rest[0] == '.':
			s, rest, ok = parseName(rest[1:])
		}
		if !ok {
			return nil, memd.StatusSubDocPathInvalid
		}
		path = append(path, s)
	}
	if len(path) > maxPathLength {
		return nil, memd.StatusSubDocPathTooBig
	}
	return path, memd.StatusSuccess
}

func parseIndex(text string) (step, string, bool) {
	inside, rest, closed := strings.Cut(text[1:], "]")
	if !closed {
		return step{}, "", false
	}
	if inside == "-1" {
		return step{index: -1, isIndex: true}, rest, true
	}
	n, err := strconv.ParseUint(inside, 10, 31)
	return step{index: int(n), isIndex: true}, rest, err == nil
}

func parseName(text string) (step, string, bool) {
	if strings.HasPrefix(text, "`") {
		return parseQuotedName(text[1:])
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	return step{name: name}, text[end:], name != "" && !strings.ContainsAny(name, "]`")
}

func parseQuotedName(text string) (step, string, bool) {
	var name strings.Builder
	for {
		before, after, found := strings.Cut(text, "`")
		if !found {
			return step{}, "", false
		}
		name.WriteString(before)
		if !strings.HasPrefix(after, "`") {
			ends := after == "" || after[0] == '.' || after[0] == '['
			return step{name: name.String()}, after, ends && name.Len() > 0
		}
		name.WriteByte('`')
		text = after[1:]
	}
}
