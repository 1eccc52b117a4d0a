package onlinestore

import (
	"cmp"
	"strings"
	"time"
)

// instant is a point in time; the zero value is unknown, and before all others.
type instant struct {
	known   bool
	seconds int64 // Unix
	nanos   int64
}

func (a instant) compare(b instant) int {
	if a.known != b.known {
		if a.known {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.seconds, b.seconds), cmp.Compare(a.nanos, b.nanos))
}

// parseDate reads a PurchaseDate tolerantly: a date, a time behind T or a
// space, seconds and a fraction with a point, a comma or nothing between them
// (the tutorial's 5800838522 is 58.00838522 s), Z or an offset. Without one it
// is UTC. Anything else is unknown.
func parseDate(s string) instant {
	s = strings.TrimSpace(s)
	year, ok1 := take(&s, 4, "-")
	month, ok2 := take(&s, 2, "-")
	day, ok3 := take(&s, 2, "")
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return instant{}
	}
	var hour, minute, second, nanos int
	if s != "" {
		if s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
			return instant{}
		}
		s = s[1:]
		if hour, ok1 = take(&s, 2, ":"); ok1 {
			minute, ok1 = take(&s, 2, "")
		}
		if ok1 && strings.HasPrefix(s, ":") {
			s = s[1:]
			second, ok1 = take(&s, 2, "")
			nanos = fraction(&s)
		}
	}
	offset, ok2 := zone(s)
	if !ok1 || !ok2 || hour > 24 || minute > 59 || second > 60 {
		return instant{}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return instant{known: true, seconds: t.Unix() - int64(offset), nanos: int64(nanos)}
}

// take reads a number of n digits and what must follow it.
func take(s *string, n int, follows string) (number int, ok bool) {
	if len(*s) < n {
		return 0, false
	}
	for i := range n {
		c := (*s)[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		number = number*10 + int(c-'0')
	}
	*s, ok = strings.CutPrefix((*s)[n:], follows)
	return number, ok
}

// fraction reads the digits behind the seconds as nanoseconds; more than nine
// are beyond what is compared.
func fraction(s *string) (nanos int) {
	rest := strings.TrimLeft(*s, ".,")
	unit := 100_000_000
	for rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		nanos += int(rest[0]-'0') * unit
		unit /= 10
		rest = rest[1:]
	}
	*s = rest
	return nanos
}

// zone reads nothing, Z, or an offset as +02:00, +0200 or +02, in seconds.
func zone(s string) (seconds int, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	sign := 1
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = s[1:]
	hours, ok := take(&s, 2, "")
	if !ok || hours > 23 {
		return 0, false
	}
	minutes := 0
	if s != "" {
		s = strings.TrimPrefix(s, ":")
		minutes, ok = take(&s, 2, "")
	}
	return sign * (hours*3600 + minutes*60), ok && s == "" && minutes <= 59
}
