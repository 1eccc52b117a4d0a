package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/verify"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/processors/couchbase"
	"customer360/topology"
)

// hand is somebody who writes into the documents' bucket behind our back.
type hand struct {
	t   *testing.T
	col *gocb.Collection
}

func (c *cluster) hand() *hand {
	c.t.Helper()
	cluster, err := gocb.Connect(c.node.ConnectionString(), gocb.ClusterOptions{Username: couchbasetest.Username, Password: couchbasetest.Password})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cluster.Close(nil) })
	b := cluster.Bucket("customer360")
	if err := b.WaitUntilReady(deadline, &gocb.WaitUntilReadyOptions{ServiceTypes: []gocb.ServiceType{gocb.ServiceTypeKeyValue}}); err != nil {
		c.t.Fatal(err)
	}
	return &hand{c.t, b.DefaultCollection()}
}

func (h *hand) must(_ any, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// put writes a body and leaves the xattrs.
func (h *hand) put(key, body string) {
	h.t.Helper()
	h.must(h.col.Upsert(key, []byte(body), &gocb.UpsertOptions{Transcoder: gocb.NewRawJSONTranscoder()}))
}

// fenced writes a body and a fence.
func (h *hand) fenced(key, body string, f couchbase.Fence) {
	h.t.Helper()
	h.must(h.col.MutateIn(key, []gocb.MutateInSpec{
		gocb.UpsertSpec("_c360", f, &gocb.UpsertSpecOptions{IsXattr: true}),
		gocb.ReplaceSpec("", json.RawMessage(body), nil),
	}, &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsUpsert}))
}

// tryPut and tryFenced do not mind when the node fails.
func (h *hand) tryPut(key, body string) {
	_, _ = h.col.Upsert(key, []byte(body), &gocb.UpsertOptions{Transcoder: gocb.NewRawJSONTranscoder()})
}

func (h *hand) tryFenced(key, body string, f couchbase.Fence) {
	_, _ = h.col.MutateIn(key, []gocb.MutateInSpec{
		gocb.UpsertSpec("_c360", f, &gocb.UpsertSpecOptions{IsXattr: true}),
		gocb.ReplaceSpec("", json.RawMessage(body), nil),
	}, &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsUpsert})
}

func (h *hand) remove(key string) {
	h.t.Helper()
	h.must(h.col.Remove(key, nil))
}

// verified runs verify with the cluster's configuration.
func (c *cluster) verified(change ...func(*verify.Config)) *verify.Result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cc := CouchbaseConfig(c.config)
	client, err := couchbase.Connect(ctx, cc, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	auditor, err := client.Audit(ctx, cc.Documents)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := verify.DefaultConfig()
	cfg.Settings, cfg.Temp, cfg.KeepForeign = topology.DefaultSettings(), c.t.TempDir(), c.config.Couchbase.Foreign == couchbase.Keep
	cfg.Settings.Partitions = c.config.Kafka.Partitions
	for _, f := range change {
		f(&cfg)
	}
	r, err := verify.Run(ctx, cfg, verify.Deps{Kafka: c.kafka, Auditor: auditor, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func repairing(c *verify.Config) { c.Repair = true }

func (c *cluster) reasons(r *verify.Result, want map[verify.Reason]int) {
	c.t.Helper()
	sum := 0
	for _, n := range want {
		sum += n
	}
	if !maps.Equal(r.Reasons, want) || r.Differences != sum || r.Pending != 0 || r.InFlight != 0 || r.NotListed != "" {
		c.t.Errorf("verify found %v (%d pending, %d in flight, %s), want %v", r.Reasons, r.Pending, r.InFlight, r.NotListed, want)
	}
}

// fences are those of all documents and removals that the log has.
func (c *cluster) fences() map[string]couchbase.Fence {
	c.t.Helper()
	all := map[string]couchbase.Fence{}
	for _, r := range c.read(topology.DefaultSettings().Documents()) {
		for _, h := range r.Headers {
			if h.Key == "c360.fence" {
				var f couchbase.Fence
				if _, err := fmt.Sscan(string(h.Value), &f.Offset); err != nil {
					c.t.Fatal(err)
				}
				f.Generation = 1
				all[string(r.Key)] = f
			}
		}
	}
	return all
}

// TestScenario32_couchbase_rolled_back: whatever is put into Couchbase behind our
// back, verify tells it and --repair mends it, to the byte and the fence; what is
// somebody else's stays.
func TestScenario32_couchbase_rolled_back(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		want := map[string]string{}
		people := map[string]*person{}
		for i, name := range []string{"older", "same", "gone", "generation", "unfenced", "future", "well"} {
			before, p := at(i+1, "Before "+name, name+"@example.org"), at(i+1, "Now "+name, name+"@example.org")
			c.produce(c.change(100+i, nil, before), c.change(200+i, before, p))
			want[*p.email], people[name] = p.document(), p
		}
		moved, there := at(90, "Mia", "left@example.org"), at(90, "Mia", "there@example.org")
		c.produce(c.change(300, nil, moved), c.change(301, moved, there))
		want["there@example.org"] = there.document()
		c.expect(want)
		if r := c.verified(); !r.IsEqual() || r.Equal != len(want)+1 || r.Removals != 1 || r.Live != len(want) {
			t.Errorf("a calm run: %+v", r)
		}
		fences := c.fences()
		h := c.hand()
		old := strings.Replace(people["older"].document(), "Now", "Before", 1)
		older := fences["older@example.org"]
		older.Offset--
		h.fenced("older@example.org", old, older)
		h.put("same@example.org", `{"type":"user","profile":{"name":"Mallory"},"xrefs":[{"external_system":"x","external_ID":1,"pass":"s3cret"}]}`)
		h.remove("gone@example.org")
		h.fenced("generation@example.org", old, couchbase.Fence{Generation: 7, Offset: 1})
		h.remove("unfenced@example.org")
		h.must(h.col.Insert("unfenced@example.org", map[string]int{"not": 1}, nil))
		h.fenced("future@example.org", people["future"].document(), couchbase.Fence{Generation: 1, Offset: 1 << 40})
		h.fenced("left@example.org", old, fences["left@example.org"]) // the log has removed it
		h.fenced("ghost@example.org", old, couchbase.Fence{Generation: 1, Offset: 3})
		h.fenced("stray@example.org", old, couchbase.Fence{Generation: 9, Offset: 3})
		h.put("theirs", `{"not":"ours"}`)

		found := map[verify.Reason]int{verify.Outdated: 1, verify.Differing: 1, verify.Missing: 1, verify.Generation: 1, verify.Foreign: 1, verify.Newer: 1, verify.Extra: 3}
		r := c.verified()
		c.reasons(r, found)
		if r.Foreign != 1 || r.IsEqual() {
			t.Errorf("found: %+v", r)
		}
		told, err := json.Marshal(r)
		if err != nil || strings.Contains(string(told), "s3cret") || !strings.Contains(string(told), `"profile.name"`) || len(r.Samples) != r.Differences {
			t.Errorf("told: %s, %v", told, err)
		}
		r = c.verified(repairing)
		c.reasons(r, found)
		if r.Repair.Written != 5 || r.Repair.Removed != 3 || r.Repair.Remaining != 1 || r.IsEqual() {
			t.Errorf("repaired: %+v", r.Repair)
		}
		// Over a fence that the log has not reached nothing goes, until somebody
		// takes it away.
		c.reasons(c.verified(), map[verify.Reason]int{verify.Newer: 1})
		h.fenced("future@example.org", old, couchbase.Fence{Generation: 1, Offset: 1})
		r = c.verified(repairing)
		if !r.IsEqual() || r.Repair.Written != 1 {
			t.Errorf("repaired again: %+v", r.Repair)
		}
		r = c.verified(repairing)
		c.reasons(r, map[verify.Reason]int{})
		if r.Repair.Written+r.Repair.Removed != 0 || r.Foreign != 1 {
			t.Errorf("with nothing to repair: %+v", r)
		}
		with := maps.Clone(want)
		with["theirs"] = `{"not":"ours"}`
		if d := difference(with, c.documents("customer360")); d != "" {
			t.Error(d)
		}
		for key := range want {
			c.fence(key, fences[key].Offset)
		}
		c.fence("left@example.org", fences["left@example.org"].Offset)
		// The sink goes on over what was mended.
		next := at(1, "Next", "older@example.org")
		c.produce(c.change(400, people["older"], next))
		with["older@example.org"] = next.document()
		c.expect(with)
	})
}

// TestVerifyKeepsForeign: with couchbase.foreign keep a document of somebody else
// is no difference, and no repair touches it.
func TestVerifyKeepsForeign(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *config.Config) { c.Couchbase.Foreign = couchbase.Keep })
	h := c.hand()
	h.put("a@example.org", `{"theirs":true}`)
	c.run("one")
	c.produce(c.change(100, nil, at(1, "Anne", "a@example.org")), c.change(101, nil, at(2, "Bob", "b@example.org")))
	want := map[string]string{"a@example.org": `{"theirs":true}`, "b@example.org": at(2, "Bob", "b@example.org").document()}
	c.expect(want)
	r := c.verified(repairing)
	c.reasons(r, map[verify.Reason]int{})
	if r.Foreign != 1 || r.Equal != 1 {
		t.Errorf("%+v", r)
	}
	c.expect(want)
}

// TestVerifyWithTheSinkAway: what the sink has not reached is pending, and a
// repair writes it; the sink then finds it done.
func TestVerifyWithTheSinkAway(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.run("one")
	a := at(1, "Anne", "a@example.org")
	c.produce(c.change(100, nil, a))
	c.expect(map[string]string{"a@example.org": a.document()})
	r.stop()
	rest := c.run("one", "rekey", "merge", "restpoll", "staging")
	b := at(2, "Bob", "b@example.org")
	c.produce(c.change(101, nil, b), c.change(102, a, nil), c.tombstone(1))
	c.until("merge has written", func() bool { return len(c.fences()) == 2 && len(c.read(topology.DefaultSettings().Documents())) == 3 })
	soon := func(c *verify.Config) { c.Wait = 200 * time.Millisecond }
	found := c.verified(soon)
	if found.Pending != 2 || found.Differences != 0 || found.IsEqual() || len(found.Samples) != 2 || !found.Samples[0].Pending {
		t.Errorf("%+v", found)
	}
	found = c.verified(soon, repairing)
	if found.Repair.Written != 1 || found.Repair.Removed != 1 || !found.IsEqual() {
		t.Errorf("%+v, %+v", found, found.Repair)
	}
	want := map[string]string{"b@example.org": b.document()}
	if d := difference(want, c.documents("customer360")); d != "" {
		t.Error(d)
	}
	rest.stop()
	c.run("one")
	c.expect(want)
	c.reasons(c.verified(), map[verify.Reason]int{})
}
