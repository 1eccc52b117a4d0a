package codec_test

import (
	"errors"
	"testing"

	"customer360/codec"
)

func TestFormatsOfNewerVersions(t *testing.T) {
	for _, c := range []struct {
		have, known int
		newer       bool
	}{{1, 1, false}, {0, 1, false}, {1, 2, false}, {2, 1, true}, {31, 1, true}, {32, 1, false}, {'{', 1, false}} {
		if err := codec.CheckFormat(c.have, c.known); errors.Is(err, codec.ErrNewer) != c.newer {
			t.Errorf("format %d where %d is known: %v", c.have, c.known, err)
		}
	}
	r := codec.Record{Source: codec.Loyalty, Identity: []byte("1"), Kind: codec.Assert, Key: "a@b"}
	value := r.AppendValue(nil)
	value[0]++
	if _, err := codec.DecodeRecord("a@b", value); !errors.Is(err, codec.ErrNewer) {
		t.Errorf("a record of the next format: %v", err)
	}
	d := codec.DeadLetter{Topic: "t", Reason: "r"}
	h := d.KafkaHeaders()
	if _, err := codec.ParseDeadLetter(h, nil); err != nil {
		t.Error(err)
	}
	delete(h, "c360.dead.format") // as the first version wrote it
	if _, err := codec.ParseDeadLetter(h, nil); err != nil {
		t.Error(err)
	}
	h["c360.dead.format"] = []byte("2")
	if _, err := codec.ParseDeadLetter(h, nil); !errors.Is(err, codec.ErrNewer) {
		t.Errorf("a dead letter of the next format: %v", err)
	}
}
