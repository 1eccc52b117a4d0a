package chaos

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/local/couchbase"
	"customer360/internal/model"
	"customer360/topology"
)

// leaveRaw makes a broker's folder with two members, of which the first was twice
// replaced and the second has no email, and a dead letter for each coordinate.
func leaveRaw(t *testing.T, dir string, letters ...codec.DeadLetter) *model.Model {
	t.Helper()
	var m *model.Model
	err := withBroker(t.Context(), dir, func(kafka []kgo.Opt) error {
		cl, err := kgo.NewClient(append(kafka, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		if err != nil {
			return err
		}
		defer cl.Close()
		s := topology.DefaultSettings()
		compact := "compact"
		_, err = kadm.NewClient(cl).CreateTopics(t.Context(), s.Partitions, 1, map[string]*string{"cleanup.policy": &compact},
			s.RawTopic(codec.HomeDelivery), s.RawTopic(codec.Loyalty), s.RawTopic(codec.OnlineStore), topology.DeadLetterTopic)
		if err != nil {
			return err
		}
		put := func(id, email string) {
			row := fmt.Sprintf(`{"id":%q,"password":"marked","firstName":"A","lastName":"B","email":%q,"points":"5"}`, id, email)
			err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topology.LoyaltyTopic, Key: []byte(id), Value: []byte(row),
				Partition: topology.Partition([]byte(id), s.Partitions)}).FirstErr()
			if err != nil {
				t.Fatal(err)
			}
		}
		put("27", "older@example.com")
		put("27", "old@example.com")
		put("27", "new@example.com")
		put("28", "")
		for _, l := range letters {
			r := &kgo.Record{Topic: topology.DeadLetterTopic, Key: []byte(l.Coordinates()), Value: l.Value}
			for name, value := range l.KafkaHeaders() {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
			}
			if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				return err
			}
		}
		m, _, err = readRaw(t.Context(), kafka)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// leaveDocuments makes a node's folder with these.
func leaveDocuments(t *testing.T, dir string, buckets map[string]map[string][]byte) {
	t.Helper()
	err := withNode(t.Context(), dir, func(node *couchbase.Node) error {
		cluster, err := gocb.Connect(node.ConnectionString(), gocb.ClusterOptions{
			Authenticator: gocb.PasswordAuthenticator{Username: "nobody", Password: "nobody"}, Transcoder: gocb.NewRawJSONTranscoder()})
		if err != nil {
			return err
		}
		defer cluster.Close(nil)
		for name, documents := range buckets {
			for key, body := range documents {
				if _, err := cluster.Bucket(name).DefaultCollection().Upsert(key, body, &gocb.UpsertOptions{Timeout: time.Minute}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerdict(t *testing.T) {
	unusable := codec.DeadLetter{Stage: "rekey", Topic: topology.LoyaltyTopic, Partition: topology.Partition([]byte("28"), 12), Reason: "no email"}
	if unusable.Partition == topology.Partition([]byte("27"), 12) {
		t.Fatal("the members share a partition: the letter's offset is another")
	}
	strange := unusable
	strange.Offset = 99
	for name, c := range map[string]struct {
		letters []codec.DeadLetter
		change  func(documents, staged map[string][]byte)
		want    string // of what is wrong; "": nothing
	}{
		"right":       {[]codec.DeadLetter{unusable}, func(_, _ map[string][]byte) {}, ""},
		"differs":     {nil, func(d, _ map[string][]byte) { d["new@example.com"] = []byte(`{}`) }, "1 0 0 0 customer360 differs new@example.com"},
		"left behind": {nil, func(d, _ map[string][]byte) { d["old@example.com"] = []byte(`{}`) }, "0 1 0 0 customer360 too many old@example.com"},
		"not staged":  {nil, func(_, s map[string][]byte) { delete(s, "loyalty-member-27") }, "0 0 1 0 staging missing loyalty-member-27"},
		"strange":     {[]codec.DeadLetter{strange}, func(_, _ map[string][]byte) {}, "0 0 0 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &run{cfg: Config{Dir: t.TempDir()}, notes: io.Discard}
			m := leaveRaw(t, r.folder("up/kafka"), c.letters...)
			documents, staged := m.Documents(), map[string][]byte{}
			for key, s := range m.Staged(time.Now()) {
				staged[key] = s.Body
			}
			c.change(documents, staged)
			leaveDocuments(t, r.folder("up/couchbase"), map[string]map[string][]byte{"customer360": documents, "staging": staged})
			var report Report
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := r.judge(ctx, &report); err != nil {
				t.Fatal(err)
			}
			got := ""
			if !report.Right() {
				got = fmt.Sprint(report.Differences, report.TooMany, report.Missing, len(report.Unexplained))
				for _, bucket := range slices.Sorted(maps.Keys(report.First)) {
					got += " " + bucket + " " + strings.Join(report.First[bucket], ", ")
				}
			}
			if got != c.want || report.Records != 4 || report.Compacted >= 4 || report.Documents != 1 {
				t.Errorf("%q, want %q; %+v", got, c.want, report)
			}
		})
	}
}
