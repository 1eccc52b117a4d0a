package processors

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"customer360/codec"
)

// teller tells the story in the words of one source: customer 7 is there with a
// name and an email, or is not. A new source adds itself to TestConformance.
type teller struct {
	// says is that the customer has this name and email now; was is the email
	// of the sentence before, "" where there was none.
	says func(n int, name, email, was string) []string
	gone func(n int, was string) []string
	// unusable is the number of dead letters for an email that is no key.
	unusable int
}

var tellers = map[string]teller{
	codec.HomeDelivery: {
		says: func(n int, name, email, was string) []string {
			return []string{fmt.Sprintf("hd id=7 op=u name=%s email=%q pass=p pos=1/%d", name, email, n*100)}
		},
		gone: func(n int, was string) []string {
			return []string{fmt.Sprintf("hd id=7 op=d email=%q pos=1/%d", was, n*100), "hd id=7 null"}
		},
		unusable: 1,
	},
	codec.Loyalty: {
		says: func(n int, name, email, was string) []string {
			return []string{fmt.Sprintf("loyalty id=7 first=%s email=%q pass=p file=%da row=1", name, email, n)}
		},
		gone:     func(n int, was string) []string { return []string{fmt.Sprintf("loyalty id=7 null file=%da row=1", n)} },
		unusable: 1,
	},
	codec.OnlineStore: {
		// It is asked by email: a customer who has moved is no longer found under
		// the old one, and one without a usable email is found nowhere.
		says: func(n int, name, email, was string) (lines []string) {
			if was != "" && was != strings.ToLower(strings.TrimSpace(email)) {
				lines = append(lines, "store "+was+" 404")
			}
			if strings.Contains(email, "@") {
				lines = append(lines, fmt.Sprintf("store %s id=7 name=%s email=%q pass=p", strings.ToLower(strings.TrimSpace(email)), name, email))
			}
			return lines
		},
		gone: func(n int, was string) []string { return []string{"store " + was + " 404"} },
	},
}

// TestConformance tells one story through each source's real decoder: the
// documents are equal but for the source's name and its type of id.
func TestConformance(t *testing.T) {
	story := []struct {
		what        string
		name, email string // "", "": deleted
		want        string // the email of the one document, its name is the story's; "": none
	}{
		{"appears", "Anne", "Anne@X", "anne@x"},
		{"changes", "Anna", "Anne@X", "anne@x"},
		{"says it again", "Anna", "Anne@X", "anne@x"},
		{"moves", "Anna", "b@x", "b@x"},
		{"has no usable email", "Anna", "nobody", ""},
		{"is back", "Anna", "anne@x", "anne@x"},
		{"spells it otherwise", "Anna", " ANNE@x ", "anne@x"},
		{"is deleted", "", "", ""},
		{"comes again", "Anne", "b@x", "b@x"},
	}
	for _, source := range realSources(t) {
		tell, ok := tellers[source.Name]
		if !ok {
			t.Errorf("%s: no teller", source.Name)
			continue
		}
		t.Run(source.Name, func(t *testing.T) {
			w := scriptWorld(t)
			w.merger = newMerger(MergeConfig{Settings: w.settings, Precedence: DefaultPrecedence(), Primary: []string{source.Name}}, NewMetrics(nil))
			was, letters := "", 0
			for n, s := range story {
				lines := tell.gone(n+1, was)
				if s.email != "" {
					lines = tell.says(n+1, s.name, s.email, was)
				}
				if was = s.want; s.what == "has no usable email" {
					letters += tell.unusable
				}
				raws := script(t, strings.Join(lines, "\n"))
				w.play(raws, func() {})
				if w.stopped != nil {
					t.Fatal(w.stopped)
				}
				want := map[string]string{}
				if s.want != "" {
					want[s.want] = fmt.Sprintf(`{"type":"user","profile":{"name":"%s","email":"%s"},"xrefs":[{"external_system":"SOURCE","external_ID":7,"pass":"p"}]}`,
						s.name, strings.TrimSpace(s.email))
				}
				got := w.documents(t)
				for key, doc := range got {
					doc = strings.ReplaceAll(doc, `"`+source.Name+`"`, `"SOURCE"`)
					got[key] = strings.ReplaceAll(doc, `"external_ID":"7"`, `"external_ID":7`)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s:\n got %v\nwant %v", s.what, got, want)
				}
				if got := len(w.letters(t)); got != letters {
					t.Errorf("%s: %d dead letters, want %d", s.what, got, letters)
				}
			}
		})
	}
}
