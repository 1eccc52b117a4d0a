package csvdir

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"customer360/codec"
	"customer360/codec/loyalty"
)

// read is what a file gives without Kafka: "Id/FirstName/Email" of its usable
// rows, and "line: reason" of the others.
func readFile(t *testing.T, content []byte) (rows, bad []string, e examined) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if e, err = examine(context.Background(), f); err != nil {
		t.Fatal(err)
	}
	if e.refusal != nil {
		return nil, nil, e
	}
	err = eachRow(context.Background(), f, &e, func(_ int64, rec *record, r *reading) error {
		q, id, reason := r.judge(rec)
		if q != usable {
			bad = append(bad, fmt.Sprintf("%d: %s (%s)", rec.line, reason, id))
			return nil
		}
		row := r.row(rec)
		if row.ID != strings.TrimSpace(row.ID) {
			t.Errorf("the id %q is not trimmed", row.ID)
		}
		rows = append(rows, row.ID+"/"+row.FirstName+"/"+row.Email)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, bad, e
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

func utf16(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

func TestUglyFiles(t *testing.T) {
	const h, row = "Id,FirstName,Email\n", "1,Ann,a@x\n"
	damaged := packed(h + row)
	damaged[len(damaged)-6]++
	for name, c := range map[string]struct {
		content string
		rows    string
		bad     string
		refused string
	}{
		"plain":                     {content: h + row, rows: "1/Ann/a@x"},
		"no newline at the end":     {content: h + "1,Ann,a@x", rows: "1/Ann/a@x"},
		"order and case of columns": {content: "EMAIL,x,id,FIRSTNAME\na@x,,1,Ann\n", rows: "1/Ann/a@x"},
		"spaces around columns":     {content: " Id , FirstName ,Email\n1,Ann,a@x\n", rows: "1/Ann/a@x"},
		"quoted header":             {content: "\"Id\",\"FirstName\",\"Email\"\n1,Ann,a@x\n", rows: "1/Ann/a@x"},
		"optional columns missing":  {content: "Id,Email\n1,a@x\n", rows: "1//a@x"},
		"byte order mark":           {content: "\xEF\xBB\xBF" + h + row, rows: "1/Ann/a@x"},
		"mark and quoted header":    {content: "\xEF\xBB\xBF\"Id\",FirstName,Email\n" + row, rows: "1/Ann/a@x"},
		"CRLF":                      {content: "Id,FirstName,Email\r\n1,Ann,a@x\r\n", rows: "1/Ann/a@x"},
		"lone CR":                   {content: "Id,FirstName,Email\r1,Ann,a@x\r2,Bo,b@x\r", rows: "1/Ann/a@x 2/Bo/b@x"},
		"a CR among newlines":       {content: h + "1,Ann,a@x\r2,Bo,b@x\n3,C,c@x\n", rows: "1/Ann/a@x 2/Bo/b@x 3/C/c@x"},
		"a CR behind quotes":        {content: h + "1,\"A,n\",a@x\r2,\"B\",b@x\r3,C,c@x\n", rows: "1/A,n/a@x 2/B/b@x 3/C/c@x"},
		"a CR within a field":       {content: h + "1,A\rn,a@x\n2,\"B\r\",b@x\n", rows: "1/A\rn/a@x 2/B\r/b@x"},
		"a CR in a broken row":      {content: h + "1,A\rn,a@x,x\n2,Bo,b@x\n", rows: "2/Bo/b@x", bad: "2: the row has 4 fields, the header 3 (1)"},
		"two CRs and a newline":     {content: "Id,FirstName,Email\r\r\n1,Ann,a@x\r\r\n2,Bo,b@x\r\r\n", rows: "1/Ann/a@x 2/Bo/b@x"},
		"DOS's end of a file":       {content: h + row + "\x1a", rows: "1/Ann/a@x"},
		"lines of white space":      {content: h + "  \t\n" + row + " \r\n", rows: "1/Ann/a@x"},
		"semicolons":                {content: "Id;FirstName;Email\n1;A,B;a@x\n", rows: "1/A,B/a@x"},
		"tabs":                      {content: "Id\tFirstName\tEmail\n1\tA;B\ta@x\n", rows: "1/A;B/a@x"},
		"empty lines":               {content: "\n\r\n" + h + "\n" + row + "\n\n", rows: "1/Ann/a@x"},
		"quoted newline":            {content: h + "1,\"An\nn\",a@x\n" + "2,Bo,b@x\n", rows: "1/An\nn/a@x 2/Bo/b@x"},
		"utf-8":                     {content: h + "1,Zoë,a@x\n", rows: "1/Zoë/a@x"},
		"windows-1252":              {content: h + "1,Zo\xEB \x80,a@x\n2,Ann,b@x\n", rows: "1/Zoë €/a@x 2/Ann/b@x"},
		"one damaged, one sound":    {content: h + "1,Zoë,a@x\n2,Bj\xF6rn,b@x\n", rows: "1/Zoë/a@x", bad: "3: the row is not valid UTF-8 (2)"},
		"one damaged row in utf-8":  {content: h + "1,Zoë,a@x\n2,Bj\xF6rn,b@x\n3,Ünal,c@x\n", rows: "1/Zoë/a@x 3/Ünal/c@x", bad: "3: the row is not valid UTF-8 (2)"},
		"a mark, and no utf-8":      {content: "\xEF\xBB\xBF" + h + "1,Zo\xEB,a@x\n" + "2,Ann,b@x\n", rows: "2/Ann/b@x", bad: "2: the row is not valid UTF-8 (1)"},
		"utf-16":                    {content: "\xFF\xFE" + utf16(h+row), refused: "UTF-16"},
		"utf-16 without a mark":     {content: utf16(h + row), refused: "UTF-16"},
		"utf-16, the other order":   {content: "\xFE\xFF\x00I\x00d", refused: "UTF-16"},
		"short and long rows": {content: h + "1\n2,Bo\n3,C,c@x,x\n" + "4,Dee,d@x\n", rows: "4/Dee/d@x",
			bad: "2: the row has 1 fields, the header 3 (1) 3: the row has 2 fields, the header 3 (2) 4: the row has 4 fields, the header 3 (3)"},
		"empty ids":       {content: h + ",Ann,a@x\n  ,Bo,b@x\n3,C,c@x\n", rows: "3/C/c@x", bad: "2: the Id is empty () 3: the Id is empty ()"},
		"long ids":        {content: h + strings.Repeat("9", maxIDBytes) + ",Ann,a@x\n1" + strings.Repeat("9", maxIDBytes) + ",Ann,a@x\n", rows: strings.Repeat("9", maxIDBytes) + "/Ann/a@x", bad: "3: the Id has 232 bytes, the limit is 231 (1" + strings.Repeat("9", maxIDBytes) + ")"},
		"ids with spaces": {content: h + " 1 ,Ann,a@x\n", rows: "1/Ann/a@x"},
		"no email":        {content: h + "1,Ann,\n2,Bo,nobody\n3,C, c@x \n", rows: "3/C/ c@x ", bad: "2: the email is missing or empty (1) 3: the email is not usable as a key: no @ in it (2)"},
		"NUL bytes":       {content: h + "1,A\x00n,a@x\n2,Bo,b@x\n" + strings.Repeat("\x00", 50), rows: "2/Bo/b@x", bad: "2: there are NUL bytes in the row (1) 4: there are NUL bytes in the row (" + strings.Repeat("\x00", 50) + ")"},
		"bare quotes":     {content: h + "1,A \"n\" n,a@x\n2,\"B \"o\" o\",b@x\n", rows: "1/A \"n\" n/a@x 2/B \"o\" o/b@x"},
		"quote open to the end": {content: h + "1,\"Ann,a@x\n2,Bo,b@x\n3,C,c@x\n", rows: "2/Bo/b@x 3/C/c@x",
			bad: "2: " + problemQuote + " (1)"},
		"gzip":                    {content: string(packed(h + row)), rows: "1/Ann/a@x"},
		"gzip of two members":     {content: string(packed(h+row)) + string(packed("2,Bo,b@x\n")), rows: "1/Ann/a@x 2/Bo/b@x"},
		"gzip cut off":            {content: string(packed(h + row))[:30], refused: "cut off"},
		"gzip damaged":            {content: string(damaged), refused: "damaged"},
		"gzip in name only":       {content: "\x1F\x8B and so on", refused: "gzip"},
		"gzip of utf-16":          {content: string(packed("\xFF\xFEI\x00")), refused: "UTF-16"},
		"empty":                   {content: ""},
		"empty gzip":              {content: string(packed(""))},
		"white space only":        {content: "\n \r\n"},
		"header only":             {content: h},
		"header without newline":  {content: strings.TrimSpace(h)},
		"no header":               {content: "1,hunter2,Ann,B,a@x,5\n", refused: "lacks Id and Email"},
		"no email column":         {content: "Id,FirstName\n1,Ann\n", refused: "lacks Email"},
		"no id column":            {content: "FirstName;Email\nAnn;a@x\n", refused: "lacks Id"},
		"a column twice":          {content: "Id,Email,email\n1,a@x,b@x\n", refused: "the column Email twice"},
		"a zip archive":           {content: "PK\x03\x04\x14\x00 and so on", refused: "zip archive"},
		"another delimiter":       {content: "Id|Email\n1|a@x\n", refused: "lacks Id and Email"},
		"a page of HTML":          {content: "<html><body>503</body></html>\n", refused: "lacks Id and Email"},
		"a header that is broken": {content: "\"Id,Email\n1,a@x\n", refused: "lacks Id and Email"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, bad, e := readFile(t, []byte(c.content))
			if got := strings.Join(rows, " "); got != c.rows {
				t.Errorf("rows %q, want %q", got, c.rows)
			}
			if got := strings.Join(bad, " "); got != c.bad {
				t.Errorf("bad %q, want %q", got, c.bad)
			}
			if c.refused == "" && e.refusal != nil || c.refused != "" && (e.refusal == nil || !strings.Contains(e.refusal.Error(), c.refused)) {
				t.Errorf("refusal %v, want %q", e.refusal, c.refused)
			}
			if e.refusal != nil && strings.Contains(e.refusal.Error(), "hunter2") {
				t.Errorf("the refusal shows a password: %v", e.refusal)
			}
			if len(e.hash) != 64 {
				t.Errorf("hash %q", e.hash)
			}
		})
	}
}

// What is published, the decoder takes; what it would not use, is not.
func TestJudgementsAgreeWithTheDecoder(t *testing.T) {
	decoder, err := loyalty.New(loyalty.Config{Pass: codec.PassKeep})
	if err != nil {
		t.Fatal(err)
	}
	l, err := sniff([]byte(header), true)
	if err != nil {
		t.Fatal(err)
	}
	runes := []rune("ab@ .\t\u00a0é\u2028\U0001F600\x01\\\"")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom(runes), 0, 20, -1), rapid.StringOfN(rapid.SampledFrom(runes), 200, 260, -1))
		rec := record{line: 2, raw: []byte("x")}
		for range columns {
			rec.fields = append(rec.fields, []byte(text.Draw(t, "field")))
		}
		r := &reading{layout: l}
		q, id, reason := r.judge(&rec)
		key := slices.Clone(id)
		if q == broken {
			if len(key) > 0 && len(key) <= maxIDBytes {
				t.Fatalf("broken with the id %q: %s", key, reason)
			}
			return
		}
		row := r.row(&rec)
		if row.ID != string(key) || row.Points != string(rec.fields[columnPoints]) || row.Password != string(rec.fields[columnPassword]) {
			t.Fatalf("row %+v of %q", row, rec.fields)
		}
		change, err := decoder.Decode(&codec.Raw{Key: key, Value: row.AppendJSON(nil), Headers: loyalty.Position{MTime: 1, Hash: strings.Repeat("a", 64), Row: 1}.Headers()})
		if err != nil {
			t.Fatalf("the decoder refuses %q: %v", rec.fields, err)
		}
		if (change.Problem == nil) != (q == usable) {
			t.Fatalf("quality %d (%s), the decoder says %v about %q", q, reason, change.Problem, rec.fields[columnEmail])
		}
	})
}

// Columns that a header lacks, or names in another way, are told.
func TestColumnsThatAreNotThere(t *testing.T) {
	for text, want := range map[string]string{
		header: "", "id,EMAIL\n": "Password,FirstName,LastName,Points",
		"Id,Password,First_Name,LastName,Email,Points\n": "FirstName",
	} {
		l, err := sniff([]byte(text), true)
		if got := strings.Join(l.lacks(), ","); got != want || err != nil {
			t.Errorf("%q lacks %s, want %s; %v", text, got, want, err)
		}
	}
}
