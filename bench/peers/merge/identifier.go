package merge

import (
	"cmp"
	"encoding/json"
	"strings"
)

// identifier is an id as a source writes it, a JSON scalar: integers come first,
// by value, whether quoted or not; the rest bytewise; equal ones numbers before
// strings.
type identifier struct {
	scalar, text, digits string
	integer, negative    bool
}

func parse(scalar string) identifier {
	id := identifier{scalar: scalar, text: scalar}
	if strings.HasPrefix(scalar, `"`) {
		var text string
		if json.Unmarshal([]byte(scalar), &text) == nil {
			id.text = text
		}
	}
	digits, negative := strings.CutPrefix(id.text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return id
	}
	id.integer, id.digits = true, strings.TrimLeft(digits, "0")
	id.negative = negative && id.digits != ""
	return id
}

func (a identifier) empty() bool { return a.scalar == "" || a.scalar == `""` || a.scalar == "null" }

func (a identifier) compare(b identifier) int {
	if a.integer != b.integer {
		if a.integer {
			return -1
		}
		return 1
	}
	if !a.integer {
		return cmp.Or(cmp.Compare(a.text, b.text), a.kind()-b.kind())
	}
	return cmp.Or(a.compareValue(b), a.kind()-b.kind())
}

func (a identifier) compareValue(b identifier) int {
	if a.negative != b.negative {
		if a.negative {
			return -1
		}
		return 1
	}
	order := cmp.Or(len(a.digits)-len(b.digits), cmp.Compare(a.digits, b.digits))
	if a.negative {
		return -order
	}
	return order
}

func (a identifier) kind() int {
	switch {
	case a.scalar == "":
		return 2
	case a.scalar[0] == '-' || a.scalar[0] >= '0' && a.scalar[0] <= '9':
		return 0
	case a.scalar[0] == '"':
		return 1
	}
	return 2
}
