package subdoc

import "github.com/couchbase/gocbcore/v10/memd"

// location is where a path leads, or how far.
type location struct {
	status    memd.StatusCode // Success, or why the value is not there
	depth     int             // on a miss: how many steps were found
	container span            // what the last step looked into
	child     child           // on success, unless the path is empty
	value     span            // on success
	length    int             // children of container, counted by a miss in an array
}

func locate(doc []byte, path Path) location {
	at := location{value: root(doc)}
	if at.value.end <= at.value.start {
		at.status = memd.StatusSubDocNotJSON
		return at
	}
	for i, s := range path {
		at.depth, at.container = i, at.value
		opening := doc[at.container.start]
		if s.isIndex && opening != '[' || !s.isIndex && opening != '{' {
			at.status = memd.StatusSubDocPathMismatch
			return at
		}
		found := false
		at.length = 0
		children(doc, at.container, func(c child) bool {
			if s.isIndex {
				found = s.index == at.length || s.index == -1
			} else {
				found = named(c.name, s.name)
			}
			if found {
				at.child = c
			}
			at.length++
			return !found || s.index == -1
		})
		if !found {
			at.status = memd.StatusSubDocPathNotFound
			return at
		}
		at.value = at.child.value
	}
	at.depth = len(path)
	return at
}

// Get returns the value at a path as it stands in the document. The bytes are the document's.
func Get(doc []byte, path Path) ([]byte, memd.StatusCode) {
	at := locate(doc, path)
	if at.status != memd.StatusSuccess {
		return nil, at.status
	}
	return at.value.of(doc), memd.StatusSuccess
}

// Count returns how many children the object or array at a path has.
func Count(doc []byte, path Path) (int, memd.StatusCode) {
	at := locate(doc, path)
	if at.status != memd.StatusSuccess {
		return 0, at.status
	}
	if !isContainer(doc, at.value) {
		return 0, memd.StatusSubDocPathMismatch
	}
	n := 0
	children(doc, at.value, func(child) bool { n++; return true })
	return n, memd.StatusSuccess
}

func isContainer(doc []byte, v span) bool { return doc[v.start] == '{' || doc[v.start] == '[' }
