package processors

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// rapidTB lets what fails through a testing.TB fail the story at hand, so that
// it is shrunk.
type rapidTB struct {
	testing.TB
	r *rapid.T
}

func (t rapidTB) Helper()                           {}
func (t rapidTB) Fatal(args ...any)                 { t.r.Fatal(args...) }
func (t rapidTB) Fatalf(format string, args ...any) { t.r.Fatalf(format, args...) }

// defaultStories are few enough for every go test; STORIES and SEED choose
// others (make stories).
const defaultStories = 1000

// checkStories runs a property on n stories for every thousand of STORIES. A
// failure prints its seed, and the shrunk story goes to testdata/stories.
func checkStories(t *testing.T, perThousand int, property func(r *rapid.T, t testing.TB) (*story, string)) {
	stories, seed := defaultStories, "1"
	if s := os.Getenv("STORIES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("STORIES=%s: a number of stories is wanted", s)
		}
		stories, seed = n, "0" // any
	}
	if s := os.Getenv("SEED"); s != "" {
		seed = s
	}
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(max(1, stories*perThousand/1000)), "rapid.seed": seed, "rapid.nofailfile": "true"} {
		f := flag.Lookup(name)
		before := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(name, err)
		}
		defer f.Value.Set(before)
	}
	var shrunk *story
	var why string
	defer func() {
		if t.Failed() && shrunk != nil {
			t.Logf("the shrunk story: %s", keepStory(t, shrunk, why))
		}
	}()
	rapid.Check(t, func(r *rapid.T) {
		s, wrong := property(r, rapidTB{t, r})
		if wrong != "" {
			shrunk, why = s, wrong // the last one to fail is the smallest
			r.Fatal(wrong)
		}
	})
}

// TestPropertyStories: whatever the sources did and however topics, partitions
// and groups interleave, the product makes what the model makes; the newest
// fence carries the documents; records read twice, a rebuild from compacted
// topics and a replay of the end change nothing that they must not.
func TestPropertyStories(t *testing.T) {
	checkStories(t, 1000, func(r *rapid.T, t testing.TB) (*story, string) {
		s := drawStory(r, 3, 1, 6, 10, 20, 35)
		return s, checkStory(t, s)
	})
}
