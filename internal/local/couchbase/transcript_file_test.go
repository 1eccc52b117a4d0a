package couchbase_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// The shapes of testdata/transcripts.jsonl: conversations recorded from a
// Couchbase 7.6 engine, one scenario a line. What varies from run to run is
// written as a symbol there ($cas1, $now+60), see unifier.

type scenario struct {
	Name       string
	About      string
	Connection struct {
		Features []string
		Stage    string
	}
	Steps []scenarioStep
}

type scenarioStep struct {
	Note      string
	SleepMS   int `json:"sleep_ms"`
	Request   *wantedRequest
	Response  *wantedResponse
	Pipeline  []wantedRequest
	Responses []wantedResponse
}

type wantedRequest struct {
	Opcode, Name, Key string
	CollectionID      string `json:"collection_id"`
	VBucket           *uint16
	VBucketOf         string `json:"vbucket_of"`
	CAS               string
	Datatype          []string
	Extras, Frames    map[string]string
	Features          []string
	Specs             []wantedSpec
	Value             string
	ValueBase64       []byte `json:"value_base64"`
	ValueRepeat       struct {
		Text  string
		Times int
	} `json:"value_repeat"`
	Quiet        bool
	CompareShape bool `json:"compare_shape"`
}

type wantedSpec struct {
	Opcode, Name string
	Flags        []string
	Path, Value  string
}

type wantedResponse struct {
	To           int
	Status       string
	StatusName   string `json:"status_name"`
	CAS          string
	Datatype     []string
	Extras       map[string]string
	Features     []string
	Specs        []wantedResult
	Value        string
	ValueBase64  []byte `json:"value_base64"`
	ValueShape   any    `json:"value_shape"`
	ErrorContext string `json:"error_context"`
}

type wantedResult struct {
	Index      *int
	Status     string
	StatusName string `json:"status_name"`
	Value      string
}

func readScenarios(t *testing.T) (all []scenario) {
	t.Helper()
	raw, err := os.ReadFile("testdata/transcripts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, len(raw)+1)
	steps := 0
	for lines.Scan() {
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields() // a field that is not compared would make the test blind
		var s scenario
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		all, steps = append(all, s), steps+len(s.Steps)
	}
	if len(all) != 93 || steps != 612 {
		t.Fatalf("%d scenarios with %d steps, want 93 with 612", len(all), steps)
	}
	return all
}
