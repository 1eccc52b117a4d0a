package doctor

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/processors/couchbase"
	"customer360/topology"
)

// expect holds a finding against severity and a word of it; whatever is not ok
// has a remedy.
func expect(t *testing.T, name string, f Finding, severity Severity, word string) {
	t.Helper()
	if f.Severity != severity || !strings.Contains(f.What, word) || f.Where == "" || (f.Severity == OK) != (f.Remedy == "") {
		t.Errorf("%s: %+v, want %s with %q", name, f, severity, word)
	}
}

func TestFeatures(t *testing.T) {
	answer := func(describe bool, txnVersion, level int16) *kmsg.ApiVersionsResponse {
		r := &kmsg.ApiVersionsResponse{ApiKeys: []kmsg.ApiVersionsResponseApiKey{{ApiKey: int16(kmsg.TxnOffsetCommit), MaxVersion: txnVersion}}}
		if describe {
			r.ApiKeys = append(r.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(kmsg.DescribeProducers)})
		}
		r.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{{Name: "transaction.version", MaxVersionLevel: level}}
		return r
	}
	expect(t, "old", features("b", answer(false, 3, 0)), Error, "too old")
	expect(t, "older", features("b", answer(true, 2, 0)), Error, "too old")
	expect(t, "3.x", features("b", answer(true, 3, 1)), Warning, "transaction.version 1")
	expect(t, "4.x", features("b", answer(true, 5, 2)), OK, "transaction.version 2")
}

func TestGroupHealth(t *testing.T) {
	g := topology.Group{Name: "merge.g1", Stage: "merge"}
	members := func(n int) []kadm.DescribedGroupMember { return make([]kadm.DescribedGroupMember, n) }
	for name, c := range map[string]struct {
		seen     kadm.DescribedGroup
		severity Severity
		word     string
	}{
		"dead":      {kadm.DescribedGroup{State: "Dead"}, Warning, "does not exist"},
		"not found": {kadm.DescribedGroup{Err: kerr.GroupIDNotFound}, Warning, "does not exist"},
		"empty":     {kadm.DescribedGroup{State: "Empty"}, Warning, "no members"},
		"too many":  {kadm.DescribedGroup{State: "Stable", Members: members(13)}, Warning, "13 members for 12"},
		"rebalance": {kadm.DescribedGroup{State: "PreparingRebalance", Members: members(2)}, Warning, "PreparingRebalance"},
		"forbidden": {kadm.DescribedGroup{Err: kerr.GroupAuthorizationFailed}, Error, "may not describe"},
		"loading":   {kadm.DescribedGroup{Err: kerr.CoordinatorLoadInProgress}, Unknown, "could not be described"},
		"stable":    {kadm.DescribedGroup{State: "Stable", Members: members(2)}, OK, "2 members"},
	} {
		expect(t, name, group(g, c.seen, 12), c.severity, c.word)
	}
}

func TestRetentionRisk(t *testing.T) {
	day := 24 * time.Hour
	if f := risk("w", 5, day, 7*day); len(f) != 0 {
		t.Error(f)
	}
	expect(t, "half", risk("w", 5, 4*day, 7*day)[0], Warning, "lag 5")
	expect(t, "near", risk("w", 5, 68*day/10, 7*day)[0], Error, "kept for 168h")
}

func TestKeySamples(t *testing.T) {
	record := func(key string, wrong int32) *kgo.Record {
		return &kgo.Record{Key: []byte(key), Partition: (topology.Partition([]byte(key), 12) + wrong) % 12}
	}
	bare, wrapped := record(`{"id":1}`, 0), record(`{"schema":{"type":"struct"},"payload":{"id":1}}`, 0)
	expect(t, "good", keys("t", []*kgo.Record{bare, {Key: nil}}, 12, "bare")[0], OK, "1 sampled keys")
	expect(t, "mixed", keys("t", []*kgo.Record{bare, wrapped}, 12, "")[0], Error, "both forms")
	expect(t, "pinned", keys("t", []*kgo.Record{wrapped}, 12, "bare")[0], Error, "bare ones are pinned")
	expect(t, "misplaced", keys("t", []*kgo.Record{record(`{"id":1}`, 1)}, 12, "bare")[0], Error, "1 of 1")
	if f := keys("t", nil, 12, "bare"); len(f) != 0 {
		t.Error(f)
	}
}

func TestClock(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	expect(t, "ahead", clock("x", now, now.Add(2*time.Minute), false), Warning, "2m0s apart")
	expect(t, "old record", clock("x", now, now.Add(-time.Hour), false), OK, "")
	expect(t, "behind", clock("x", now, now.Add(-time.Hour), true), Warning, "1h0m0s")
	expect(t, "equal", clock("x", now, now, true), OK, "")
}

func TestStoreAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		code     int
		kind     string
		body     string
		severity Severity
		word     string
	}{
		"unknown customer": {404, "application/json", `{"error":"no"}`, OK, "404"},
		"html 404":         {404, "text/html", "<html>", Warning, "HTML"},
		"unauthorized":     {401, "", "", Error, "401"},
		"forbidden":        {403, "", "", Error, "403"},
		"too many":         {429, "", "", Warning, "429"},
		"broken":           {500, "", "", Error, "500"},
		"elsewhere":        {302, "", "", Error, "redirect"},
		"login page":       {200, "text/html; charset=utf-8", "<!doctype html>", Error, "no JSON"},
		"no json":          {200, "application/json", "{", Error, "no JSON"},
		"knows everybody":  {200, "application/json", "{}", Warning, "nobody has"},
		"teapot":           {418, "application/json", "{}", Warning, "418"},
	} {
		answer := &http.Response{StatusCode: c.code, Status: http.StatusText(c.code), Header: http.Header{"Content-Type": {c.kind}}}
		answer.Status = strings.TrimSpace(http.StatusText(c.code))
		answer.Status = strings.Join([]string{itoa(c.code), answer.Status}, " ")
		expect(t, name, answered("store", answer, []byte(c.body)), c.severity, c.word)
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestBucketSettings(t *testing.T) {
	good := couchbase.Bucket{Type: "membase", Eviction: "valueOnly", Replicas: 1, PurgeInterval: 72 * time.Hour}
	with := func(change func(*couchbase.Bucket)) couchbase.Bucket { b := good; change(&b); return b }
	for name, c := range map[string]struct {
		b        couchbase.Bucket
		staging  bool
		severity Severity
		word     string
	}{
		"good":           {good, false, OK, "72h"},
		"ephemeral":      {with(func(b *couchbase.Bucket) { b.Type = "ephemeral" }), false, Error, "ephemeral"},
		"memcached":      {with(func(b *couchbase.Bucket) { b.Type = "memcached" }), false, Error, "memcached"},
		"eviction":       {with(func(b *couchbase.Bucket) { b.Eviction = "nruEviction" }), false, Error, "nruEviction"},
		"ttl":            {with(func(b *couchbase.Bucket) { b.MaxTTL = time.Hour }), false, Error, "1h0m0s"},
		"ttl of staging": {with(func(b *couchbase.Bucket) { b.MaxTTL = time.Hour }), true, Warning, "1h0m0s"},
		"purge":          {with(func(b *couchbase.Bucket) { b.PurgeInterval = 5 * time.Minute }), false, Error, "5m0s"},
		"purge not said": {with(func(b *couchbase.Bucket) { b.PurgeInterval = 0 }), false, Unknown, "cannot be read"},
		"no replica":     {with(func(b *couchbase.Bucket) { b.Replicas = 0 }), false, Warning, "no replica"},
		"three replicas": {with(func(b *couchbase.Bucket) { b.Replicas = 3 }), false, Error, "3 replicas"},
	} {
		found := bucket("b", c.b, c.staging, "majority", 10*time.Minute)
		for _, f := range found {
			if f.Severity == c.severity {
				expect(t, name, f, c.severity, c.word)
				found = nil
			}
		}
		if found != nil {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestSpace(t *testing.T) {
	expect(t, "full", space("d", 100<<20, 1e6), Error, "100 MiB")
	expect(t, "scarce", space("d", 1<<30, 1e6), Warning, "1024 MiB")
	expect(t, "inodes", space("d", 1<<40, 100), Error, "100 inodes")
	expect(t, "no inodes", space("d", 1<<40, -1), OK, "MiB free")
}
