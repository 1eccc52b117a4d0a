package engine

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Each committed offset carries, as its metadata, the ids of the topic that it
// counts in and of the table whose state belongs to it. A topic that was deleted
// and created anew has its name, but neither its records nor its offsets: a
// group that went on there would skip records, or go on from an empty table.
// First offsets carry nothing. Beside them is the time of the commit, see stale.

// pin is the metadata of a commit in an input.
func (f facts) pin(input string, now time.Time) *string {
	s := "topic=" + f.ids[input].String()
	if f.tableID != (kadm.TopicID{}) {
		s += " table=" + f.tableID.String()
	}
	s += " " + committedAt + strconv.FormatInt(now.Unix(), 10)
	return &s
}

// checkPin compares what a commit carries with what is there. It reads what does
// not change within an incarnation.
func (g *Group) checkPin(f *facts, input string, partition int32, metadata string) error {
	for _, field := range strings.Fields(metadata) {
		name, value, _ := strings.Cut(field, "=")
		id, ok := topicID(value)
		if !ok {
			continue // somebody else's
		}
		topic, present := input, f.ids[input]
		if name == "table" {
			topic, present = g.table, f.tableID
		}
		if (name == "topic" || name == "table") && id != present {
			return recreated(topic, fmt.Sprintf("since group %s committed its offset in %s/%d", g.cfg.Group, input, partition), id, present)
		}
	}
	return nil
}

func topicID(s string) (id kadm.TopicID, ok bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, false
	}
	return kadm.TopicID(b), true
}
