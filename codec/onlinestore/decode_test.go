package onlinestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"customer360/codec"
)

func newDecoder(t testing.TB, pass codec.PassMode) *Decoder {
	t.Helper()
	d, err := New(Config{Pass: pass})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func answered(key, customer, orders string) *codec.Raw {
	a := Answer{Status: 200, Customer: []byte(customer), Orders: []byte(orders)}
	return &codec.Raw{Topic: "onlinestore.answers", Key: []byte(key), Value: a.Append(nil)}
}

const ann = `{"Id":1,"Name":"Ann","Email":"a@x","Password":"p"}`

// show is a line per assertion: the key and all fields.
func show(c codec.Change) string {
	var lines []string
	for _, a := range c.Assertions {
		line := a.Key + ":"
		for f := codec.Field(1); f <= codec.FieldBody; f++ {
			if v := a.Fields.Get(f); v != nil {
				line += " " + f.String() + "=" + string(v)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestTutorial has the answers of the tutorial's text, in either case of keys.
func TestTutorial(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	customer, orders := string(sample(t, "customer.json")), string(sample(t, "orders.json"))
	c, err := d.Decode(answered(" Matthew.Groves@Couchbase.com", customer, orders))
	if err != nil {
		t.Fatal(err)
	}
	want := `matthew.groves@couchbase.com: id=1 pass=edzchzmatv5 name=Matt Groves email=matthew.groves@couchbase.com` +
		` orders={"count":2,"orders":[{"id":1,"date":"2019-04-25T15:15:5800838522","total":1207.6},{"id":2,"date":"2019-04-13T16:15:5801361975","total":439.48}]}
order::1: body={"OrderId":1,"PurchaseDate":"2019-04-25T15:15:5800838522","CustomerId":1,"Items":[{"OrderId":1,"ProductId":200,"Quantity":2,"Price":87.81},{"OrderId":1,"ProductId":400,"Quantity":4,"Price":129.86},{"OrderId":1,"ProductId":410,"Quantity":1,"Price":78.64},{"OrderId":1,"ProductId":300,"Quantity":2,"Price":25.03},{"OrderId":1,"ProductId":110,"Quantity":2,"Price":191.92}]}
order::2: body={"OrderId":2,"PurchaseDate":"2019-04-13T16:15:5801361975","CustomerId":1,"Items":[{"OrderId":2,"ProductId":100,"Quantity":2,"Price":219.74}]}`
	if got := show(c); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	camel := camelCase(customer + "\x00" + orders)
	customer, orders, _ = strings.Cut(camel, "\x00")
	c, err = d.Decode(answered("matthew.groves@couchbase.com", customer, orders))
	if got := show(c); err != nil || got != camelCase(want) {
		t.Errorf("camelCase: %v\n%s\nwant\n%s", err, got, camelCase(want))
	}
}

// camelCase makes a quote's first letter small.
func camelCase(s string) string {
	b := []byte(s)
	for i := 1; i < len(b); i++ {
		if b[i-1] == '"' && b[i] >= 'A' && b[i] <= 'Z' && i+1 < len(b) && b[i+1] >= 'a' && strings.Contains(s[i:], `":`) && isName(s[i:]) {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func isName(s string) bool {
	end := strings.IndexByte(s, '"')
	return end > 0 && strings.HasPrefix(s[end+1:], ":")
}

func TestNothingAsserted(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	for name, raw := range map[string]*codec.Raw{
		"404":           {Key: []byte("a@x"), Value: Answer{Status: 404}.Append(nil)},
		"null":          {Key: []byte("a@x")},
		"404 with more": {Key: []byte("a@x"), Value: []byte(` {"status":404,"customer":` + ann + `,"x":1}`)},
	} {
		if c, err := d.Decode(raw); err != nil || len(c.Assertions) != 0 || c.Ignored != "" || c.Problem != nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if c, err := d.Decode(&codec.Raw{Value: Answer{Status: 404}.Append(nil)}); err != nil || c.Ignored != "null key" {
		t.Errorf("null key: %+v, %v", c, err)
	}
	if next, accepted := d.Accept([]byte("x"), &codec.Change{}); !accepted || string(next) != "x" {
		t.Error("the log's order is the answers' order")
	}
}

func TestCustomers(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	const none = ` orders={"count":0,"orders":[]}`
	for customer, want := range map[string]string{
		ann: `a@x: id=1 pass=p name=Ann email=a@x`,
		`{"Id":"u\u002d7","Email":" A@X ","Name":null,"Other":[1]}`:        `a@x: id="u-7" email=A@X`,
		`{"id":9007199254740993,"email":"a@x","name":" N ","password":""}`: `a@x: id=9007199254740993 name=N email=a@x`,
		`{"id":1.50,"email":"\u0061@x","password":12}`:                     `a@x: id=1.50 pass=12 email=a@x`,
	} {
		c, err := d.Decode(answered("a@x", customer, "[]"))
		if got := show(c); err != nil || got != want+none {
			t.Errorf("%s: %s, %v; want %s", customer, got, err, want+none)
		}
	}
}

// TestRefusedAnswers has answers that change nothing: the last good one stays.
func TestRefusedAnswers(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	order := func(members string) string { return `[{` + members + `}]` }
	deep := strings.Repeat("[", 1_000_000)
	for name, raw := range map[string]*codec.Raw{
		"another email":        answered("b@x", strings.Replace(ann, "p", "secret", 1), "[]"),
		"no email":             answered("a@x", `{"Id":1,"Password":"secret"}`, "[]"),
		"null email":           answered("a@x", `{"Id":1,"Email":null}`, "[]"),
		"key is no email":      answered("nobody", ann, "[]"),
		"no id":                answered("a@x", `{"Email":"a@x"}`, "[]"),
		"null id":              answered("a@x", `{"Id":null,"Email":"a@x"}`, "[]"),
		"empty id":             answered("a@x", `{"Id":"","Email":"a@x"}`, "[]"),
		"id is an object":      answered("a@x", `{"Id":{"secret":1},"Email":"a@x"}`, "[]"),
		"name is an array":     answered("a@x", `{"Id":1,"Email":"a@x","Name":["secret"]}`, "[]"),
		"id in both cases":     answered("a@x", `{"Id":1,"id":1,"Email":"a@x"}`, "[]"),
		"email twice":          answered("a@x", `{"Id":1,"Email":"a@x","Email":"a@x"}`, "[]"),
		"customer is text":     answered("a@x", `"secret"`, "[]"),
		"orders is an object":  answered("a@x", ann, `{"secret":1}`),
		"an order is text":     answered("a@x", ann, `["secret"]`),
		"no OrderId":           answered("a@x", ann, order(`"PurchaseDate":"secret"`)),
		"null OrderId":         answered("a@x", ann, order(`"OrderId":null`)),
		"OrderId is text":      answered("a@x", ann, order(`"OrderId":"1"`)),
		"OrderId 1.0":          answered("a@x", ann, order(`"OrderId":1.0`)),
		"OrderId 1e3":          answered("a@x", ann, order(`"OrderId":1e3`)),
		"OrderId -0":           answered("a@x", ann, order(`"OrderId":-0`)),
		"OrderId 01":           answered("a@x", ann, order(`"OrderId":01`)),
		"OrderId too long":     answered("a@x", ann, order(`"OrderId":`+strings.Repeat("9", 240))),
		"OrderId both cases":   answered("a@x", ann, order(`"OrderId":1,"orderId":1`)),
		"OrderId again":        answered("a@x", ann, `[{"OrderId":7},{"OrderId":8},{"orderId":7}]`),
		"html_instead_of_json": {Key: []byte("a@x"), Value: []byte("<html>secret</html>")},
		"html as customer":     answered("a@x", "<html>secret</html>", "[]"),
		"orders missing":       {Key: []byte("a@x"), Value: []byte(`{"status":200,"customer":` + ann + `}`)},
		"orders null":          answered("a@x", ann, "null"),
		"customer null":        answered("a@x", "null", "[]"),
		"status 500":           {Key: []byte("a@x"), Value: []byte(`{"status":500}`)},
		"status is text":       {Key: []byte("a@x"), Value: []byte(`{"status":"404"}`)},
		"no status":            {Key: []byte("a@x"), Value: []byte(`{}`)},
		"empty":                {Key: []byte("a@x"), Value: []byte{}},
		"garbage behind":       {Key: []byte("a@x"), Value: []byte(`{"status":404}secret`)},
		"invalid UTF-8":        answered("a@x", strings.Replace(ann, "Ann", "secret\xff", 1), "[]"),
		"nested":               answered("a@x", ann, deep),
		"nested order":         answered("a@x", ann, order(`"OrderId":1,"x":`+deep+strings.Repeat("]", len(deep)))),
	} {
		c, err := d.Decode(raw)
		if err == nil || c.Assertions != nil || c.Problem != nil || c.Ignored != "" {
			t.Errorf("%s: %.200v, %v", name, c, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") || len(err.Error()) > 200 {
			t.Errorf("%s: the error repeats the answer: %v", name, err)
		}
	}
	if _, err := d.Decode(answered("b@x", ann, "[]")); !errors.Is(err, ErrOtherEmail) || err.Error() != "answer for another email" {
		t.Errorf("answer_for_another_email: %v", err)
	}
}

func TestTruncatedBody(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	value := answered("a@x", ann, `[{"OrderId":1,"Items":[{"Price":1.5,"Quantity":2}]}]`).Value
	for n := range value {
		if _, err := d.Decode(&codec.Raw{Key: []byte("a@x"), Value: value[:n]}); err == nil {
			t.Errorf("taken when cut to %d bytes", n)
		}
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	for _, want := range []Answer{
		{Status: 404},
		{Status: 200, Customer: []byte(`{"Id" : 1}`), Orders: []byte("[\r\n]")},
	} {
		got, err := ParseAnswer(want.Append([]byte("x"))[1:])
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	if got := string(Answer{Status: 404}.Append(nil)); got != `{"status":404}` {
		t.Error(got)
	}
	if got := string(Answer{Status: 200, Customer: []byte(`{}`), Orders: []byte(`[]`)}.Append(nil)); got != `{"status":200,"customer":{},"orders":[]}` || !json.Valid([]byte(got)) {
		t.Error(got)
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{Pass: "plain"}); err == nil {
		t.Error("an unknown pass mode was taken")
	}
	keep, hash := newDecoder(t, codec.PassKeep), newDecoder(t, codec.PassHash)
	if got := keep.Fingerprint(); got == hash.Fingerprint() || got != "onlinestore rules=1 index=100 pass=keep" {
		t.Error(got)
	}
	c, err := hash.Decode(answered("a@x", strings.Replace(ann, `"p"`, `"abc"`, 1), "[]"))
	if err != nil || string(c.Assertions[0].Fields.Get(codec.FieldPass)) != "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%s, %v", show(c), err)
	}
}

func TestChangeKeepsNoRecord(t *testing.T) {
	raw := answered("a@x", string(ann), `[{"OrderId":7,"PurchaseDate":"2019-04-25T15:15:58","Items":[{"Price":1,"Quantity":2}]}]`)
	c, err := newDecoder(t, codec.PassKeep).Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	before := show(c)
	clear(raw.Value)
	clear(raw.Key)
	if after := show(c); after != before {
		t.Errorf("%s became %s", before, after)
	}
}
