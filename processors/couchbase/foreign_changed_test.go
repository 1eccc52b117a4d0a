package couchbase

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
)

// Under our fence a document is ours, whoever changed it last: the next message
// overwrites it in both modes, and a message that was written before does not.
func TestChangedUnderItsFence(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := patient(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		for _, target := range []Target{cfg.Documents, cfg.Staging} {
			t.Run(mode+" "+target.Bucket, func(t *testing.T) {
				bucket, err := client.bucket(context.Background(), target)
				if err != nil {
					t.Fatal(err)
				}
				col, other, key := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}, "changed "+mode
				s := startSink(t, cfg, target, col)
				s.write(t, key, 5, `"ours"`)
				other.json(key, `"by hand"`)
				s.write(t, key, 5, `"ours"`) // a replay: its fence is there already
				is2(t, client, col, key, `"by hand"`, Fence{1, 5})
				s.write(t, key, 6, `"newer"`)
				is2(t, client, col, key, `"newer"`, Fence{1, 6})
				s.met(t, changed, 1)
				other.json(key, `"by hand again"`)
				s.write(t, key, 7, "")
				is2(t, client, col, key, "", Fence{1, 7})
				s.met(t, changed, 2)
				if n := s.log.count("changed by somebody else"); n != 1 {
					t.Errorf("logged %d times", n)
				}
				s.write(t, key, 8, `"back"`)

				other.binary(key, "\xff by hand") // its flags with it
				s.write(t, key, 9, `"readable"`)
				is2(t, client, col, key, `"readable"`, Fence{1, 9})
				decodes(t, other.col, key)

				other.remove(key) // the fence stays on the tombstone
				s.write(t, key, 9, `"readable"`)
				is2(t, client, col, key, "", Fence{1, 9})
				s.write(t, key, 10, `"after all"`)
				is2(t, client, col, key, `"after all"`, Fence{1, 10})
				s.met(t, Overwrite, 0)
				s.met(t, Keep, 0)

				other.fence(key, map[string]int64{"g": 1, "o": 1 << 40}) // of the future: it is believed
				s.write(t, key, 11, `"too old"`)
				is2(t, client, col, key, `"after all"`, Fence{1, 1 << 40})
			})
		}
	}
}

// Where somebody's document was removed, with no fence and maybe flags that are
// not JSON's, there is nothing to keep.
func TestForeignTombstone(t *testing.T) {
	node := startNode(t)
	for _, mode := range []string{Overwrite, Keep} {
		cfg := patient(node)
		cfg.Foreign = mode
		client := connect(t, cfg)
		for _, target := range []Target{cfg.Documents, cfg.Staging} {
			for _, first := range []string{FirstInsert, FirstReserve} {
				t.Run(mode+" "+target.Bucket+" "+first, func(t *testing.T) {
					cfg := cfg
					cfg.FirstWrite = first
					bucket, err := client.bucket(context.Background(), target)
					if err != nil {
						t.Fatal(err)
					}
					col, other := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}
					s := startSink(t, cfg, target, col)
					for i, put := range []func(key, body string){other.json, other.binary} {
						written, removed := fmt.Sprint("written", i, mode, first), fmt.Sprint("removed", i, mode, first)
						for _, key := range []string{written, removed} {
							put(key, `"theirs"`)
							other.remove(key)
						}
						s.write(t, written, 5, `{"b":1,"a":2}`)
						is2(t, client, col, written, `{"b":1,"a":2}`, Fence{1, 5})
						decodes(t, other.col, written)
						s.write(t, removed, 5, "")
						is2(t, client, col, removed, "", Fence{1, 5})
						s.write(t, removed, 4, `"late"`)
						is2(t, client, col, removed, "", Fence{1, 5})
					}
					s.met(t, Overwrite, 0)
					s.met(t, Keep, 0)
				})
			}
		}
	}
}

// A locked document holds up its own key, not the others, and is written when
// the lock is gone.
func TestLockedDocument(t *testing.T) {
	node := startNode(t)
	cfg := patient(node)
	client := connect(t, cfg)
	for _, target := range []Target{cfg.Documents, cfg.Staging} {
		bucket, err := client.bucket(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		col, other := open(t, client, target), elsewhere{t, bucket.DefaultCollection()}
		s := startSink(t, cfg, target, col)
		s.write(t, "ours", 1, `"before"`)
		other.json("theirs", `"theirs"`)
		locks := map[string]gocb.Cas{}
		for _, key := range []string{"ours", "theirs"} {
			r, err := other.col.GetAndLock(key, 30*time.Second, nil)
			if err != nil {
				t.Fatal(err)
			}
			locks[key] = r.Cas()
		}
		waiting := []*message{s.ledger.message("ours", 2, `"after"`), s.ledger.message("theirs", 2, "")}
		for _, m := range waiting {
			s.submit(m)
		}
		free := s.ledger.message("free", 2, `"free"`)
		s.submit(free)
		eventually(t, 10*time.Second, func() bool { return len(s.ledger.of(free)) == 1 && s.meter.retries.Load() >= 4 },
			func() string { return "a key that is not locked waits, or nothing is tried again" })
		for _, m := range waiting {
			if done := s.ledger.of(m); len(done) != 0 {
				t.Errorf("%s is done under the lock: %v", m.key, done)
			}
		}
		for key, cas := range locks {
			if err := other.col.Unlock(key, cas, nil); err != nil {
				t.Fatal(err)
			}
		}
		settled(t, s.ledger)
		is2(t, client, col, "ours", `"after"`, Fence{1, 2})
		is2(t, client, col, "theirs", "", Fence{1, 2})
		s.met(t, changed, 0)
		s.met(t, Overwrite, 1)
	}
}

// Keys are logged once, up to a number that bounds the memory for it.
func TestForeignIsLoggedOnce(t *testing.T) {
	f := newFakeStore()
	s := startSink(t, testConfig(), testConfig().Documents, f)
	const more = 20
	for i := range maxForeign + more {
		f.put(fmt.Sprint(i), entry{state: state{presence: live}, body: "theirs"})
		s.submit(s.ledger.message(fmt.Sprint(i), 5, `"ours"`))
	}
	settled(t, s.ledger)
	f.put("0", entry{state: state{presence: live}, body: "theirs again"})
	s.write(t, "0", 6, `"ours"`)
	s.met(t, Overwrite, maxForeign+more+1)
	if n := s.log.count("carries no fence"); n != maxForeign {
		t.Errorf("logged %d keys, want %d", n, maxForeign)
	}
	if n := s.log.count("no more keys"); n != 1 {
		t.Errorf("the end of it is logged %d times", n)
	}
}

// The same through Kafka, with the routes of staging: the offset moves.
func TestForeignInStaging(t *testing.T) {
	for _, mode := range []string{Overwrite, Keep} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.Foreign = mode
			bucket, err := w.client.bucket(context.Background(), w.cfg.Staging)
			if err != nil {
				t.Fatal(err)
			}
			other := elsewhere{t, bucket.DefaultCollection()}
			other.json("loyalty-member-27", `"theirs"`)
			other.binary("loyalty-member-28", "\xff")
			other.json("loyalty-member-29", `"theirs"`)
			w.start(NewStaging(w.cfg, w.deps("a"), codec.Loyalty))
			for id, value := range map[string][]byte{"27": []byte(`{"id":"27"}`), "28": []byte(`{"id":"28"}`), "29": nil} {
				w.produce(&kgo.Record{Topic: topology.LoyaltyTopic, Key: []byte(id), Value: value})
			}
			w.committed(w.settings.StagingGroup(codec.Loyalty), topology.LoyaltyTopic)
			for key, want := range map[string]map[string]string{
				"loyalty-member-27": {Overwrite: `{"id":"27"}`, Keep: `"theirs"`},
				"loyalty-member-28": {Overwrite: `{"id":"28"}`, Keep: "\xff"},
				"loyalty-member-29": {Overwrite: "", Keep: `"theirs"`},
			} {
				r, err := other.col.Get(key, &gocb.GetOptions{Transcoder: anything{}})
				var body []byte
				if err == nil {
					err = r.Content(&body)
				}
				if gone := is(err, gocb.ErrDocumentNotFound); gone != (want[mode] == "") || !gone && string(body) != want[mode] {
					t.Errorf("%s is %q, %v; want %q", key, body, err, want[mode])
				}
			}
		})
	}
}
