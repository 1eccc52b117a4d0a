package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
	"customer360/internal/local/simulate"
)

// The test binary is the command when this is set: real processes, without a
// second build.
const asCommand = "CUSTOMER360_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// anyPorts are the flags that let runs stand side by side.
var anyPorts = []string{"--kafka", "127.0.0.1:0", "--couchbase", "127.0.0.1:0", "--store", "127.0.0.1:0", "--http", "127.0.0.1:0"}

func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1", "TERM=dumb")
	return c
}

// result of a finished command.
type result struct {
	code     int
	out, err string
}

func finish(t *testing.T, c *exec.Cmd, limit time.Duration) result {
	t.Helper()
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { c.Process.Kill() })
	defer timer.Stop()
	err := c.Wait()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errOut.String()}
}

func once(t *testing.T, dir string, customers int) map[string]int64 {
	t.Helper()
	args := append([]string{"up", "--once", "--dir", dir, "--customers", fmt.Sprint(customers)}, anyPorts...)
	r := finish(t, command(args...), 3*time.Minute)
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, tail(r.err))
	}
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	var raw map[string]json.Number
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &raw); err != nil {
		t.Fatalf("the last line is no JSON: %v\n%s", err, r.out)
	}
	counts := map[string]int64{}
	for _, name := range []string{"customers", "orders", "staged", "dead_letters", "http_requests"} {
		n, err := raw[name].Int64()
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, r.out)
		}
		counts[name] = n
	}
	return counts
}

func tail(s string) string {
	if len(s) > 4000 {
		return "…" + s[len(s)-4000:]
	}
	return s
}

// documents reads the bucket from the folder of a run that has ended.
func documents(t *testing.T, dir, bucket string) map[string]string {
	t.Helper()
	c := couchbase.DefaultConfig()
	c.Dir, c.Username, c.Password = filepath.Join(dir, "couchbase"), "u", "p"
	c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	node, stop := couchbasetest.Run(t, c)
	docs := map[string]string{}
	err := node.EachDocument(bucket, func(key, body []byte) error {
		docs[string(key)] = string(body)
		return nil
	})
	stop()
	if err != nil || t.Failed() {
		t.Fatal(err)
	}
	return docs
}

// expected is what the simulated systems say, put together by the tutorial's
// rules and by nothing of the product.
func expected(t *testing.T, dir string, customers int) map[string]string {
	t.Helper()
	c := simulate.DefaultConfig()
	c.Dir, c.CSVDir, c.Seed, c.Customers, c.Once = filepath.Join(dir, "simulate"), t.TempDir(), 1, customers, true
	world, err := simulate.New(c, simulate.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	type profile struct {
		Name          string `json:"name,omitempty"`
		Address1      string `json:"address1,omitempty"`
		Address2      string `json:"address2,omitempty"`
		City          string `json:"city,omitempty"`
		State         string `json:"state,omitempty"`
		Zipcode       string `json:"zipcode,omitempty"`
		Phone         string `json:"phone,omitempty"`
		Email         string `json:"email,omitempty"`
		LoyaltyPoints string `json:"loyaltyPoints,omitempty"`
	}
	type xref struct {
		System string `json:"external_system"`
		ID     any    `json:"external_ID"`
		Pass   string `json:"pass,omitempty"`
	}
	type person struct {
		Type    string  `json:"type"`
		Profile profile `json:"profile"`
		Xrefs   []xref  `json:"xrefs"`
		store   *xref
		home    *xref
		member  *xref
	}
	people := map[string]*person{}
	at := func(email string) *person {
		key := simulate.ExpectKey(email)
		if people[key] == nil {
			people[key] = &person{Type: "user"}
		}
		return people[key]
	}
	for m := range world.ExpectMembers() {
		p := at(m.Email)
		p.Profile.Name, p.Profile.Email = m.FirstName+" "+m.LastName, strings.TrimSpace(m.Email)
		p.Profile.LoyaltyPoints, p.member = fmt.Sprint(m.Points), &xref{"loyalty", fmt.Sprint(m.ID), m.Password}
	}
	for r := range world.ExpectRows() {
		p := at(r.Email)
		points := p.Profile.LoyaltyPoints
		p.Profile = profile{r.Name, r.Address1, r.Address2, r.City, r.State, r.Zipcode, r.Phone, strings.TrimSpace(r.Email), points}
		p.home = &xref{"home_delivery", r.ID, r.Password}
	}
	docs := map[string]string{}
	for c, orders := range world.ExpectStore() {
		p := people[simulate.ExpectKey(c.Email)]
		if p == nil {
			continue // the store alone makes no customer
		}
		p.Profile.Name, p.Profile.Email, p.store = c.Name, strings.TrimSpace(c.Email), &xref{"online_store", c.ID, c.Password}
		for _, o := range orders {
			var b bytes.Buffer
			if err := json.Compact(&b, o.JSON()); err != nil {
				t.Fatal(err)
			}
			docs[fmt.Sprintf("order::%d", o.ID)] = b.String()
		}
	}
	for key, p := range people {
		for _, x := range []*xref{p.store, p.home, p.member} {
			if x != nil {
				p.Xrefs = append(p.Xrefs, *x)
			}
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(p); err != nil {
			t.Fatal(err)
		}
		docs[key] = strings.TrimSpace(b.String())
	}
	return docs
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	wrong := 0
	for key, doc := range want {
		if got[key] != doc {
			if wrong++; wrong <= 3 {
				t.Errorf("%s:\n got %s\nwant %s", key, got[key], doc)
			}
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			if wrong++; wrong <= 3 {
				t.Errorf("%s should not be there: %s", key, got[key])
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d documents are wrong", wrong, len(want))
	}
}
