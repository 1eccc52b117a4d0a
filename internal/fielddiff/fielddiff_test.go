package fielddiff

import (
	"fmt"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const user = `{"type":"user","profile":{"name":"A","email":"a@x.y"},"xrefs":[{"external_system":"loyalty","external_ID":"27","pass":"SECRET1"}]}`
	swap := func(old, now string) string {
		if !strings.Contains(user, old) {
			t.Fatalf("%s is not there", old)
		}
		return strings.Replace(user, old, now, 1)
	}
	for name, c := range map[string]struct{ key, a, b, want string }{
		"equal":                   {"a@x.y", user, user, ""},
		"name":                    {"a@x.y", user, swap(`"A"`, `"B"`), `profile.name "A"→"B"`},
		"a member appears":        {"a@x.y", user, swap(`"email"`, `"city":"C","email"`), `profile.city →"C"`},
		"a member goes":           {"a@x.y", user, swap(`"name":"A",`, ``), `profile.name "A"→`},
		"pass":                    {"a@x.y", user, swap(`SECRET1`, `SECRET2`), `pass ********→********`},
		"pass goes":               {"a@x.y", user, swap(`,"pass":"SECRET1"`, ``), `pass ********→`},
		"another reference":       {"a@x.y", user, swap(`"27"`, `"28"`), `xrefs [{"external_ID":"27","external_system":"loyalty"}]→[{"external_ID":"28","external_system":"loyalty"}]`},
		"an id of another type":   {"a@x.y", user, swap(`"27"`, `27`), `xrefs [{"external_ID":"27","external_system":"loyalty"}]→[{"external_ID":27,"external_system":"loyalty"}]`},
		"all references go":       {"a@x.y", user, `{"type":"user","profile":{"name":"A","email":"a@x.y"}}`, `xrefs [{"external_ID":"27","external_system":"loyalty"}]→`},
		"xrefs are no list":       {"a@x.y", user, `{"type":"user","profile":{"name":"A","email":"a@x.y"},"xrefs":"SECRET3"}`, `xrefs [{"external_ID":"27","external_system":"loyalty"}]→********`},
		"other bytes":             {"a@x.y", user, swap(`"type":"user"`, `"type": "user"`), `bytes →`},
		"no JSON":                 {"a@x.y", user, `garbage SECRET`, `body →`},
		"null":                    {"a@x.y", user, `null`, `body →`},
		"profile is no object":    {"a@x.y", `{"profile":{"name":"A"}}`, `{"profile":7}`, `profile {"name":"A"}→7`},
		"order":                   {"order::1", `{"OrderId":1,"Total":1.10,"Items":[1]}`, `{"OrderId":1,"Total":1.1,"Items":[1]}`, `Total 1.10→1.1`},
		"a customer for all that": {"order::1@x", `{"type":"user","profile":{"name":"a"}}`, `{"type":"user","profile":{"name":"b"}}`, `profile.name "a"→"b"`},
		"order with a secret":     {"order::1", `{"password":"SECRET1"}`, `{"password":"SECRET2"}`, `password ********→********`},
		"a secret deeper":         {"order::1", `{"a":{"password":"SECRET1"}}`, `{"a":{"password":"SECRET2"}}`, `a {"password":"********"}→{"password":"********"}`},
	} {
		got := ""
		for _, change := range Compare(c.key, []byte(c.a), []byte(c.b)) {
			got += fmt.Sprintf("; %s %s→%s", change.Field, change.Before, change.After)
		}
		got = strings.TrimPrefix(got, "; ")
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s: a secret is told: %s", name, got)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
